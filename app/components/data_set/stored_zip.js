// Files packed as a ZIP without compression (pictures are compressed already), so that the server reads one format only.
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ value >>> 1 : value >>> 1;
  return value >>> 0;
});

export function crc32(bytes) {
  let value = 0xffffffff;
  for (let at = 0; at < bytes.length; at += 1) value = CRC_TABLE[(value ^ bytes[at]) & 255] ^ value >>> 8;
  return (value ^ 0xffffffff) >>> 0;
}

export function storedZip(files) {                          // [{name, bytes}] → Uint8Array
  const parts = [], directory = [];
  let offset = 0;
  const words = (view, at, values) => values.forEach(([size, value]) => { if (size === 2) view.setUint16(at, value, true); else view.setUint32(at, value, true); at += size; });
  for (const { name, bytes } of files) {
    const title = new TextEncoder().encode(name), check = crc32(bytes);
    const shared = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, check], [4, bytes.length], [4, bytes.length], [2, title.length], [2, 0]];
    const local = new Uint8Array(30 + title.length), entry = new Uint8Array(46 + title.length);
    words(new DataView(local.buffer), 0, [[4, 0x04034b50], ...shared]);
    local.set(title, 30);
    words(new DataView(entry.buffer), 0, [[4, 0x02014b50], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
    entry.set(title, 46);
    parts.push(local, bytes);
    directory.push(entry);
    offset += local.length + bytes.length;
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0), end = new Uint8Array(22);
  words(new DataView(end.buffer), 0, [[4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]]);
  const whole = new Uint8Array(offset + size + 22);
  let at = 0;
  for (const part of [...parts, ...directory, end]) { whole.set(part, at); at += part.length; }
  return whole;
}
