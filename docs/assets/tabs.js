// Material links content tabs by their visible text, so it skips those inside a closed
// solution. When one is opened, its tabs take the framework that the reader has chosen.
document.addEventListener("toggle", ({ target }) => {
  for (const chosen of (__md_get("__tabs") || []).reverse()) // the last choice comes last
    for (const label of target.querySelectorAll(".tabbed-labels > label"))
      if (label.textContent.trim() === chosen) {
        const { style } = label.parentElement
        document.getElementById(label.htmlFor).checked = true
        style.setProperty("--md-indicator-x", `${label.offsetLeft}px`)
        style.setProperty("--md-indicator-width", `${label.offsetWidth}px`)
      }
}, true)

// From the first click on, Material knows where the line below the chosen tab belongs.
document.addEventListener("change", ({ target }) =>
  target.closest(".tabbed-set")?.querySelector(".tabbed-labels").removeAttribute("style"))

// An address that ends with ?framework=tensorflow chooses that tab, as a click would.
{
  const frameworks = { pytorch: "PyTorch", tensorflow: "TensorFlow" }
  const asked = ({ searchParams: x }) => frameworks[x.get("framework")?.toLowerCase()]
  const remember = address => {
    const name = asked(address)
    if (name) __md_set("__tabs", [...new Set([name, ...(__md_get("__tabs") || [])])])
    return name
  }

  // A page that is opened has read the last choice already, and its tabs not yet.
  const name = remember(new URL(location))
  for (const label of document.querySelectorAll(".tabbed-labels > label"))
    if (label.textContent.trim() === name)
      document.getElementById(label.htmlFor).checked = true

  // One that comes by instant navigation is going to read it.
  location$.subscribe(remember)

  // When the reader chooses another tab, the address no longer says which.
  document.addEventListener("change", ({ target }) => {
    const address = new URL(location), name = asked(address)
    const label = target.closest(".tabbed-set")?.querySelector(`label[for="${target.id}"]`)
    if (!name || !label || label.textContent.trim() === name) return
    address.searchParams.delete("framework")
    history.replaceState(history.state, "", address)
  })
}
