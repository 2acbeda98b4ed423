// A block has two buttons. Material copies the block as shown; this copies the program: the
// block after all that it needs. The block's `data-program-…` name its file, per framework;
// it is fetched on a click.
const PROGRAMS = {
  "PyTorch": "programPytorch",
  "TensorFlow": "programTensorflow",
  "PyTorch and TensorFlow": "programBoth",
}

// A block outside the tabs has two programs: the tab that the reader chose last decides.
const choose = ({ dataset }) =>
  [...(__md_get("__tabs") || []), ...Object.keys(PROGRAMS)].find(name => dataset[PROGRAMS[name]])

const does = ({ dataset }) => "raises" in dataset ? "fails as the page shows" : "runs by itself"

async function download(address) {
  const answer = await fetch(address).catch(error => ({ status: error.message }))
  if (!answer.ok) throw new Error(`the program cannot be fetched (${answer.status})`)
  return answer.text()
}

async function copyProgram(block) {
  const name = choose(block)
  const address = new URL(block.dataset[PROGRAMS[name]], location)
  if (!navigator.clipboard?.write) { // withheld from plain http
    open(address)
    alert$.next("No access to the clipboard here: the program opens instead")
    return
  }
  try {
    // Safari wants to be asked within the click, not when the text is there.
    const program = download(address)
    const blob = program.then(text => new Blob([text], { type: "text/plain" }))
    const written = navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })])
    const [text] = await Promise.all([program, written])
    const lines = text.trimEnd().split("\n").length
    alert$.next(`Copied: a program of ${lines} lines that ${does(block)} (${name})`)
  } catch (error) {
    alert$.next(`Nothing copied: ${error.message}`)
  }
}

addEventListener("click", ({ target }) => {
  if (target.matches(".program")) copyProgram(target.closest(".highlight"))
})

// Material's messages are only seen; this says them to screen readers, too.
const said = Object.assign(document.createElement("div"), { className: "said", role: "status" })
document.body.append(said)
alert$.subscribe(message => { said.textContent = message })
