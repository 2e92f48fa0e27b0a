"""A server with four pictures of a mesh of 50 million triangles at work.

Whether other calls wait, how much memory it takes, and how soon a picture that was cancelled stops.
"""

import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from dcc_mcp_shm import SharedSceneBuffer, Store
from rounds import quick

from server.client import Client
from server.servers import ours

PICTURES = 4
ROUNDS = 5
# Calls before the pictures, to compare with, and seconds from one to the next.
CALLS = 300
PACE = 0.01
# Points in each direction of a surface, two triangles between four of them.
EDGE = 5_000
# A picture that does nothing for so long has stopped.
STILL_SECONDS = 0.5


class Pictured(NamedTuple):
    """What was measured."""

    triangles: int
    # Seconds of `list_buffers` without pictures, and while four are at work.
    alone: list[float]
    beside: list[float]
    # Seconds until each of the four was there.
    drawn: list[float]
    # Seconds between cancelling a picture and the last work of the server.
    cancelled: list[float]
    # Most that was resident in the server, in bytes.
    peak: int


def publish_surface(store: Store, edge: int) -> tuple[str, int]:
    """Publish a wavy surface; its id, and how many triangles it has."""
    shapes = {"position": ("f4", (edge * edge, 3)), "corner_vert": ("i4", (2 * (edge - 1) ** 2, 3))}
    with SharedSceneBuffer.writer(shapes, attrs={"upAxis": "Z"}, store=store) as w:
        line = np.linspace(-1, 1, edge, dtype=np.float32)
        position = np.asarray(w["position"]).reshape(edge, edge, 3)
        position[..., 0], position[..., 1] = line[:, None], line
        position[..., 2] = 0.2 * np.sin(9 * line[:, None]) * np.cos(7 * line)
        first = (np.arange(edge - 1, dtype=np.int32)[:, None] * edge + np.arange(edge - 1, dtype=np.int32)).ravel()
        triangles = np.asarray(w["corner_vert"]).reshape(-1, 2, 3)
        for corner, offset in enumerate((0, edge, edge + 1)):
            np.add(first, offset, out=triangles[:, 0, corner])
        for corner, offset in enumerate((0, edge + 1, 1)):
            np.add(first, offset, out=triangles[:, 1, corner])
    descriptor = json.loads(w.scene.descriptor_json())
    return descriptor["id"], 2 * (edge - 1) ** 2


def ask_for_pictures(client: Client, buffer: str) -> set[int]:
    """Ask for four pictures at once; the ids of the requests."""
    call = {"name": "view_image", "arguments": {"buffer": buffer}}
    return {client.begin("tools/call", call) for _ in range(PICTURES)}


def paced(client: Client, pictures: set[int], least: int) -> tuple[list[float], list[float]]:
    """List buffers in even steps, whether or not the last answer is there, until all pictures are: the seconds of both.

    A client that waits for each answer would ask only once while the server is stuck.
    """
    start = due = time.perf_counter()
    asked: dict[int, float] = {}
    listed: list[float] = []
    drawn: list[float] = []
    while pictures or asked or len(listed) < least:
        now = time.perf_counter()
        if now >= due and (pictures or len(listed) + len(asked) < least):
            asked[client.begin("tools/call", {"name": "list_buffers", "arguments": {}})] = now
            due = max(due + PACE, now)
        elif client.is_answered(max(due - now, 0)):
            answer = client.message()
            assert not answer["result"].get("isError"), answer
            if (asked_at := asked.pop(answer["id"], None)) is not None:
                listed.append(time.perf_counter() - asked_at)
            else:
                pictures.remove(answer["id"])
                drawn.append(time.perf_counter() - start)
    return listed, drawn


def seconds_to_stop(client: Client, buffer: str) -> float:
    """Cancel a picture while it is drawn: seconds until the server did its last work."""
    arguments = {"name": "view_image", "arguments": {"buffer": buffer}, "_meta": {"progressToken": "picture"}}
    picture = client.begin("tools/call", arguments)
    assert client.message()["method"] == "notifications/progress"
    client.notify("notifications/cancelled", {"requestId": picture})
    cancelled = last = time.perf_counter()
    worked = client.worked()
    while (now := time.perf_counter()) - last < STILL_SECONDS:
        if (works := client.worked()) != worked:
            worked, last = works, now
        time.sleep(0.001)
    return last - cancelled


def measure(program: Path, directory: Path) -> Pictured:
    """Everything, with one server for the calls and one for each cancelled picture."""
    buffer, triangles = publish_surface(Store(directory), 500 if quick() else EDGE)
    beside: list[float] = []
    drawn: list[float] = []
    with ours(program, directory).start() as client:
        client.call("list_buffers", {})
        alone, _ = paced(client, set(), CALLS)
        for _ in range(1 if quick() else ROUNDS):
            listed, pictures = paced(client, ask_for_pictures(client, buffer), 0)
            beside += listed
            drawn += pictures
        peak = client.memory("VmHWM")
    cancelled = []
    for _ in range(1 if quick() else ROUNDS):
        with ours(program, directory).start() as client:
            client.call("list_buffers", {})
            cancelled.append(seconds_to_stop(client, buffer))
    return Pictured(triangles, alone, beside, drawn, cancelled, peak)
