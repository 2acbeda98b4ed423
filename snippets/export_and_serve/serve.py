# --8<-- [start:serve]
"""Answer POST requests: a JSON list of signals in, a class for each signal out."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import onnxruntime

LIMIT = 1_000_000  # bytes of a request


class Handler(BaseHTTPRequestHandler):
    """Answers one request; `server.session` is the model."""

    def do_POST(self):
        """Send the classes, or with status 400 what is wrong with the request."""
        try:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(max(0, min(size, LIMIT)))
            for start in range(LIMIT, size, LIMIT):  # its sender listens afterwards
                self.rfile.read(min(LIMIT, size - start))
            if size > LIMIT:
                raise ValueError(f"more than {LIMIT:,} bytes")
            signals = np.array(json.loads(body), np.float32)
            [given] = self.server.session.get_inputs()
            if signals.ndim != 2 or signals.shape[1] != given.shape[1]:
                need = f"need signals of shape (batch, {given.shape[1]})"
                raise ValueError(f"{need}, not {signals.shape}")
            [logits] = self.server.session.run(None, {given.name: signals})
            status, answer = 200, {"classes": logits.argmax(axis=1).tolist()}
        except Exception as error:
            status, answer = 400, {"error": str(error)}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Do not log each request."""


def make_server(path):
    """Return a server for the model at this path, on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.session = onnxruntime.InferenceSession(path)
    return server


if __name__ == "__main__":
    server = make_server("model.onnx")
    print("Port:", server.server_port, flush=True)
    server.serve_forever()
# --8<-- [end:serve]
