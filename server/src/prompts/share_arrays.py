from dcc_mcp_shm import SharedSceneBuffer

# points: float32 (n, 3), corners: int32, face_sizes: int32, as arrays of any library that has the buffer protocol
SharedSceneBuffer.write_arrays(
    {"position": points, "corner_vert": corners, "face_size": face_sizes},
    kind="Geometry", source_dcc="{dcc}", name="selection/1", group="selection", replace=True,
)
