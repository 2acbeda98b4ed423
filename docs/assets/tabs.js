// Material links content tabs by their visible text, so it skips those inside a closed
// solution. When one is opened, its tabs take the framework that the reader has chosen.
document.addEventListener("toggle", ({ target }) => {
  for (const chosen of (__md_get("__tabs") || []).reverse()) // the last choice comes last
    for (const label of target.querySelectorAll(".tabbed-labels > label"))
      if (label.textContent.trim() === chosen)
        document.getElementById(label.htmlFor).checked = true
}, true)
