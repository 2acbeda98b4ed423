"""Run an exported model without its framework, serve it, and ask: both frameworks.

It works in the folder in which it is started, where model.onnx and expected.npz are.
"""

# --8<-- [start:imports]
import json
import subprocess
import sys
import time
from importlib.metadata import files
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

# --8<-- [end:imports]
from snippets.export_and_serve.files import export, write_files


# --8<-- [start:ask]
def ask(port, signals):
    """Return the classes of signals, or what the server has to say against them."""
    content = json.dumps(signals).encode()
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}", content)) as answer:
            return json.load(answer)
    except HTTPError as error:
        return {"status": error.code} | json.load(error)


# --8<-- [end:ask]


# --8<-- [start:cost]
def cost(package):
    """Return the seconds until a new process has imported it, and its megabytes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {package}"], stderr=subprocess.PIPE)
    seconds = time.perf_counter() - began
    return seconds, sum(file.size or 0 for file in files(package)) / 1e6


# --8<-- [end:cost]

if __name__ == "__main__":
    write_files()
    made = export(sys.argv[1])  # what the page has done so far
    X_test, y_test, logits = (made[x] for x in ("X_test", "y_test", "logits"))
    np, onnxruntime = made["np"], made["onnxruntime"]
    subprocess.run([sys.executable, "predict.py"], check=True, stdout=subprocess.PIPE)

    # --8<-- [start:serve]
    server = subprocess.Popen(
        [sys.executable, "serve.py"], stdout=subprocess.PIPE, text=True
    )
    port = int(server.stdout.readline().split()[-1])
    answer = ask(port, X_test[:8].tolist())
    print(answer)
    same = answer["classes"] == logits[:8].argmax(axis=1).tolist()
    print("As the framework says:", same)
    # --8<-- [end:serve]

    # --8<-- [start:wrong]
    for wrong in (X_test[:2, :39].tolist(), X_test[0].tolist(), "hello"):
        answer = ask(port, wrong)
        print(answer["status"], answer["error"])
    # --8<-- [end:wrong]

    # --8<-- [start:stop]
    server.terminate()
    server.wait()
    server.stdout.close()
    try:
        ask(port, [])
    except URLError:
        print("Nobody listens at the port.")
    # --8<-- [end:stop]

    framework = {"pytorch": "torch"}.get(sys.argv[1], sys.argv[1])
    costs = {name: cost(name) for name in (framework, "onnxruntime")}
    # --8<-- [start:smaller]
    (seconds, size), (runtime_seconds, runtime_size) = costs.values()
    print("ONNX Runtime starts sooner:", runtime_seconds < seconds)
    print("ONNX Runtime is smaller:", runtime_size < size)
    # --8<-- [end:smaller]

    # --8<-- [start:bits]
    import onnx
    from onnx import numpy_helper

    for bits in (8, 6, 5, 4, 3):
        rounded = onnx.load("model.onnx")
        for tensor in rounded.graph.initializer:
            weight = numpy_helper.to_array(tensor)
            if weight.ndim > 1:  # no bias
                step = np.abs(weight).max() / (2 ** (bits - 1) - 1)
                weight = (step * np.round(weight / step)).astype(np.float32)
                tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
        session = onnxruntime.InferenceSession(rounded.SerializeToString())
        [found] = session.run(None, {"signals": X_test})
        right = np.mean(found.argmax(axis=1) == y_test)
        print(f"{bits} bits | Test ACC: {right:.0%}")
    # --8<-- [end:bits]

    # --8<-- [start:nan]
    session = onnxruntime.InferenceSession("model.onnx")
    broken = X_test[:1].copy()
    broken[0, 20] = np.nan
    [found] = session.run(None, {"signals": broken})
    print("Logits that are numbers:", np.isfinite(found).sum())
    print("Class:", found.argmax(axis=1))
    # --8<-- [end:nan]
