import os
import tempfile

import nuke
from dcc_mcp_shm import {Store}SharedSceneBuffer

# The pixels of the nodes that are selected, at this frame. Nuke gives them as a file: an EXR of linear RGBA, the top row
# first, colours multiplied by alpha.
frame = nuke.frame()
for node in nuke.selectedNodes():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "pixels.exr").replace("\\", "/")
        write = nuke.nodes.Write(file=path, file_type="exr", channels="rgba", inputs=[node])
        try:
            nuke.execute(write, frame, frame)
        finally:
            nuke.delete(write)
        with open(path, "rb") as pixels:
            scene = SharedSceneBuffer.write(
                pixels.read(), kind="Screenshot", source_dcc="Nuke", name="selection/" + node.name(), group="selection",
                attrs={"frame": frame, "firstRow": "top", "premultipliedAlpha": True}, replace=True{store},
            )
    print(scene.name)
