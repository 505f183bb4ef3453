// Reads the blocks that app/wire.py packs: a JSON header and typed arrays over one ArrayBuffer, without copying.
const WIRE_TYPES = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };

export function unpack(buffer) {
  let start = 0, raw = buffer;
  if (ArrayBuffer.isView(buffer)) {            // a component's data comes as a Uint8Array, perhaps unaligned
    raw = buffer.buffer; start = buffer.byteOffset;
    if (start % 8) { raw = raw.slice(start, start + buffer.byteLength); start = 0; }
  }
  const length = new DataView(raw).getUint32(start, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(raw, start + 4, length)));
  const arrays = {};
  for (const [name, place] of Object.entries(header.arrays)) {
    const count = place.shape.reduce((a, b) => a * b, 1);
    const data = new WIRE_TYPES[place.dtype](raw, start + 4 + length + place.offset, count);
    arrays[name] = { data, shape: place.shape };
  }
  header.arrays = arrays;
  return header;
}
