"""The words of the page docs/benchmarks.md."""

INTRODUCTION = """\
# Benchmarks

Printed by `make bench`; do not edit. Every figure is the median of its rounds with the quartiles in brackets; the
methods take turns in an order that changes, and *ratio* is a method's median by that of dcc-mcp-shm in the same table,
so above 1 is slower. Payloads are checked by checksum. *Hot*: the same method ran just before, and its memory is free.
*Cold*: the machine was idle for {idle:.0f} s before; a virtual machine gives free memory back to its host meanwhile,
and the first use after that is slow. Opening, writing and filling are measured in {runs} runs, with the other
sections between them; their tables have the rounds of all of them, and [the last table](#agreement-of-the-runs) says
whether the runs agree.

Peers: dcc-mcp-core, `multiprocessing.shared_memory`, `numpy.memmap` and plain `os.write` with `mmap` on files in tmpfs,
pyarrow (record batches in IPC files in tmpfs), iceoryx2 (its samples aligned to pages), ray (its object store), and for
compression blosc2 and lz4; [the versions](#machine) are at the end. ray is measured after the others and not in turns
with them, as a node takes seconds to start and its processes never rest.
"""

REQUIRED = """\
## What is asked for

*By*: the time divided by that of the other thing, so at most 1 is as fast or faster. *Times as fast*: the other's time
divided by ours."""

NOTES = {
    "opening": """\
From a descriptor to a view

Another process made the data. Time from the descriptor to the first byte. `SharedMemory` runs without the resource
tracker, as with `track=False` in Python 3.13; *tracked* is what 3.11 and 3.12 do, but for undoing it at the end.
dcc-mcp-core has no views, so it copies; its scenes above 256 MiB do not open in another process. A receiver of
iceoryx2 has its sender's whole pool mapped before: its time is that of receiving a sample that waits, with no file
to open. What compares to it is *handle kept*: a view of a `SharedBuffer` that is open and was viewed before. ray's is
`ray.get` of an array; a client of its node has everything mapped as well.

![Time from a descriptor to a view, by size](benchmarks/opening.png)""",
    "writing": """\
Writing new data

Bytes that a process has, until another one can open them: one call of `SharedSceneBuffer.write`, `os.write` to a new
file in tmpfs, a `numpy.memmap` or a `SharedMemory` made and copied into, `PySharedSceneBuffer.write` of dcc-mcp-core, a
record batch in an IPC file, `ray.put` of an array. ray's store keeps its memory, all of which was used before: that is
no new memory, and compares to a slot in [writing again and again](#4-writing-again-and-again).

Except in that section no memory is used again: `DCC_MCP_SHM_RESERVE_BYTES` is 0.

![Time to write new data, by size](benchmarks/writing.png)""",
    "filling": """\
Filling in place

`SharedSceneBuffer.writer`, `numpy.copyto` into it, and sealing; *the copy alone* is the pass without making and
sealing the scene; *copy into warm memory* is `numpy.copyto` into memory that the process had before: the limit.
*os.write* has the same bytes in hand already.

![Time to fill in place, by size](benchmarks/filling.png)""",
    "warm": """\
Writing again and again

*Each time new*: each frame is published, and the one before it removed. *Kept*: memory that stays. A slot of a pool is
acquired, written by `SharedBuffer.write` or *in place* by `numpy.copyto` in `edit`, and given back; a segment of
the standard library is copied into, and nothing tells a reader when; a sample of iceoryx2 is loaned, copied into and
sent.""",
    "reading": """\
Reading

In another process. *Sum*: `numpy.sum` over a slot of a pool that stays mapped, over a scene that is opened for it, and
over private memory. *To bytes*: `SharedSceneBuffer.read` of an open scene; the file read, the segment attached and
copied by `bytes`, a scene of dcc-mcp-core opened and read.""",
    "cycles": """\
A small scene's life

Made, published, opened from its descriptor, viewed, and removed, in one process.""",
    "many": """\
Many small scenes

Made, listed, opened, read and deleted, one after the other in one process; beside it files that are written, listed by
`os.scandir` with their sizes, through JSON, read and removed.""",
    "kernel": """\
What of that is the kernel's

Processor time in the kernel and outside of it, by `getrusage`, of the same as in the two sections before, and of
opening with letting go. The last column is what the ratio would be if nothing but the system calls took time.""",
    "messages": """\
One way

From bytes in one process to the first byte of them in another that sleeps until then: `SharedBuffer.write` and
`SharedBuffer.wait`; iceoryx2 with a sample of its pool, and its event service to wait with.""",
    "crowds": """\
Crowds

Threads, or processes, that all open one scene at the same time, view it, look at its first byte and let go of it:
10,000 openings together, from the first one's beginning to the last one's end, by their number. A bare file, opened and
mapped, shows what the interpreter's lock and the scheduler add.""",
    "compressing": """\
Compressed scenes

Generated data of 32 to 64 MiB, written with `use_compression=True` and read whole; beside it blosc2 (`SChunk` in a
tmpfs file) with LZ4 and the filter it is told, where ours chooses by a sample, and `lz4.frame` with independent blocks
of 1 MiB, which has one thread and no filter, to and from a tmpfs file. On one processor and on two.""",
    "private": """\
Private memory for 1 GiB

What one process needs at worst above its baseline (for `write`, the baseline includes the data it has), sampled every
millisecond from RssAnon. High water is the kernel's VmHWM less the shared memory that is mapped at the end; `write` has
its file mapped while it fills huge pages, so that there it counts the file as well.""",
    "threads": """\
Other Python threads meanwhile

A thread that counts, while 1 GiB is moved: its progress by its progress when nothing else runs. 0 means that it stood
still, 1 that it did not notice.""",
}

BEHIND = """\
## Where a peer is ahead, and why

* **Opening a view, and all that is small**: the standard library and a bare file make fewer system calls. Ours
  takes a lock, so that nobody removes what is in use, reads and validates a header, seals, and renames; [what calls
  cost](architecture.md#what-calls-cost) lists them. The 35 µs that are wanted for a small scene's life are less than
  a bare file takes here. iceoryx2 has all of its pool mapped before; a pool's slot that is kept open, with
  `SharedBuffer.wait`, is what compares to it.
* **ray** writes into memory that it keeps, as a slot is.
* **blosc2 packs curves faster**, in some runs indices on two processors too, and always with the filter that leaves
  them twice as large: its LZ4 is C, and it keeps no checksum of the data.
* **lz4 writes the screenshot faster**: it is C, and here keeps no checksum either.
* **Many threads**: what grows is the interpreter's lock changing hands, for a bare file more than for a scene."""

AGREEMENT = """\
## Agreement of the runs

Every run's median and quartiles, and whether the ranges between the quartiles have something in common in all runs.
For dcc-mcp-shm that is the time; for the others what they take by what it takes in the same round, as whatever the
machine does for a while is in both. What has rounds of its own (ray, openings that copy) is compared in time. Of a bare
file and a copy into warm memory the time is there too: no code of ours runs in them, so where they do not agree, it is
the machine that does not. Writing and filling go through their sizes again and again, {sweeps} times a run, so that the
rounds of each are spread over the minutes of a run: what is measured within seconds is alike, and differs from what is
measured within other seconds. Chance alone keeps 2 % of such ranges of {sweeps} samples apart. ray's rounds are not
spread: it has a node for each run, for some seconds."""
