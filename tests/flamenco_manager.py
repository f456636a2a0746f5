"""A mock of Flamenco's manager: its HTTP interface, as far as a job is submitted by it."""

import contextlib
import http.server
import json
import threading

TYPES = {"job_types": [{"name": "simple-blender-render"}, {"name": "background-nodes", "etag": "abc"}]}


@contextlib.contextmanager
def manager(*answers: tuple[int, object]):
    """A manager that gives these answers one after the other. Yields its address, and what it was asked."""
    asked: list[tuple[str, object]] = []
    left = list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            asked.append((f"{self.command} {self.path}", json.loads(self.rfile.read(length) or b"null")))
            code, answer = left.pop(0)
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            if isinstance(answer, dict) and "location" in answer:
                self.send_header("Location", answer["location"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
