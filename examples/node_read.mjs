// Read an array of a sealed, uncompressed scene in Node, with nothing but the descriptor.
//
//     node examples/node_read.mjs position < descriptor.json
// (Node 20.15 or newer, for crc32)
//
// Node cannot map a file, so this is one copy, into the memory of the typed array itself.

import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";

const TYPES = {
  "|b1": Uint8Array, "|u1": Uint8Array, "|i1": Int8Array, "<u2": Uint16Array, "<i2": Int16Array,
  "<u4": Uint32Array, "<i4": Int32Array, "<u8": BigUint64Array, "<i8": BigInt64Array,
  "<f4": Float32Array, "<f8": Float64Array,
};

/** The array `name` as a typed array, flat, in C order; its shape is in the descriptor. */
export function readArray(descriptor, name) {
  if (descriptor.state !== "sealed" || descriptor.use_compression) {
    throw new Error("only a sealed, uncompressed scene can be read");
  }
  const { dtype, shape, offset } = descriptor.arrays[name];
  const array = new TYPES[dtype](shape.reduce((product, n) => product * n, 1));
  const bytes = new Uint8Array(array.buffer);
  const file = openSync(descriptor.path, "r");
  try {
    // One call reads at most 2 GiB.
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(file, bytes, done, Math.min(bytes.length - done, 1 << 30), offset + done);
      if (read === 0) throw new Error(`${descriptor.path} ends before the array does`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return array;
}

const name = process.argv[2];
const descriptor = JSON.parse(readFileSync(0, "utf8"));
const array = readArray(descriptor, name);
const shape = descriptor.arrays[name].shape.join(" x ");
console.log(`${array.constructor.name} ${shape}, first ${array[0]}, crc32 ${hex(new Uint8Array(array.buffer))}`);

function hex(bytes) {
  return crc32(bytes).toString(16).padStart(8, "0");
}
