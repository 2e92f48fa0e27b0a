from dcc_mcp_shm import {Store}blender

# The meshes that are selected, after their modifiers; Blender's own code fills shared memory.
for scene in blender.share(name="selection/", group="selection"{store}):
    print(scene.name)
