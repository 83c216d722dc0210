// Reads of an ELF file what a dynamic loader asks it: which libraries, which
// versions, which symbols from elsewhere. Of either size and byte order.

const DYNAMIC = 6;
const DYNSYM = 11;
const NEEDED = 1n;
const VERNEED = 0x6ffffffen;

export function readElf(bytes) {
  if (bytes.toString('latin1', 0, 4) !== '\x7fELF') throw new Error('not an ELF file');
  const wide = bytes[4] === 2;
  const little = bytes[5] === 1;
  const u16 = at => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const u32 = at => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const u64 = at => (little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  const word = at => (wide ? u64(at) : BigInt(u32(at)));
  const number = at => Number(word(at));
  const text = at => bytes.toString('latin1', at, bytes.indexOf(0, at));

  const table = number(wide ? 40 : 32);
  const entry = u16(wide ? 58 : 46);
  const sections = Array.from({ length: u16(wide ? 60 : 48) }, (_, index) => {
    const at = table + index * entry;
    return {
      type: u32(at + 4),
      offset: number(at + (wide ? 24 : 16)),
      size: number(at + (wide ? 32 : 20)),
      link: u32(at + (wide ? 40 : 24)),
    };
  });
  const section = type => {
    const found = sections.find(each => each.type === type);
    if (found === undefined) throw new Error(`no section of type ${type}`);
    return found;
  };

  const dynamic = section(DYNAMIC);
  const strings = sections[dynamic.link].offset;
  const step = wide ? 16 : 8;
  const needed = [];
  let versioned = false;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += step) {
    if (word(at) === NEEDED) needed.push(text(strings + number(at + step / 2)));
    if (word(at) === VERNEED) versioned = true;
  }

  const symbols = section(DYNSYM);
  const names = sections[symbols.link].offset;
  const size = wide ? 24 : 16;
  const undefinedSymbols = [];
  for (let at = symbols.offset + size; at < symbols.offset + symbols.size; at += size) {
    if (u16(at + (wide ? 6 : 14)) === 0) undefinedSymbols.push(text(names + u32(at)));
  }
  return { needed, versioned, undefinedSymbols };
}
