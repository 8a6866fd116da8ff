import { assert } from "../lib/assert.ts";
import { addressBytes, formatAddress, formatIpv4, ipv4, parseIpv4 } from "../lib/ip.ts";
import { type FieldType, STRUCTS, type StructLayout, type StructName, type StructValue } from "./tables.ts";

/** Where a field stands in its struct: bytes. */
type Place = { readonly offset: number; readonly size: number; readonly align: number };
export type Layout = { readonly size: number; readonly align: number; readonly fields: Readonly<Record<string, Place>> };

type Codec = {
  readonly size: number;
  readonly align: number;
  readonly write: (view: DataView, offset: number, value: unknown) => void;
  readonly read: (view: DataView, offset: number) => unknown;
};

const layouts = new Map<string, Layout>();
const codecs = new Map<string, Codec>();

/** The struct's size, alignment and field places, as a C compiler lays them out. Asserts that no byte is hidden padding. */
export function layoutOf(name: StructName): Layout {
  codecOf(name);
  const layout = layouts.get(name);
  assert(layout, `${name} has a layout`);
  return layout;
}

/** The struct's bytes, as the kernel's tables hold them. */
export function encodeStruct<S extends StructName>(name: S, value: StructValue<S>): Uint8Array {
  const codec = codecOf(name);
  const bytes = new Uint8Array(codec.size);
  codec.write(new DataView(bytes.buffer), 0, value);
  return bytes;
}

/** Writes the struct's bytes at a place of the caller's. */
export function encodeStructAt<S extends StructName>(name: S, value: StructValue<S>, view: DataView, offset: number): void {
  codecOf(name).write(view, offset, value);
}

/** The value of a struct's bytes; the inverse of {@link encodeStruct}. */
export function decodeStruct<S extends StructName>(name: S, bytes: Uint8Array): StructValue<S> {
  const codec = codecOf(name);
  assert(bytes.length >= codec.size, `${name} takes ${codec.size} bytes, not ${bytes.length}`);
  return codec.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0) as StructValue<S>;
}

function codecOf(name: string): Codec {
  const known = codecs.get(name);
  if (known) return known;
  const codec = structCodec(name, (STRUCTS as Readonly<Record<string, StructLayout>>)[name] ?? {});
  codecs.set(name, codec);
  return codec;
}

function structCodec(name: string, struct: StructLayout): Codec {
  const fields: { readonly key: string; readonly offset: number; readonly codec: Codec }[] = [];
  let end = 0;
  let align = 1;
  for (const [key, type] of Object.entries(struct)) {
    const codec = fieldCodec(type);
    assert(end % codec.align === 0, `${name}.${key} at ${end} needs explicit padding to ${codec.align}`);
    fields.push({ key, offset: end, codec });
    end += codec.size;
    align = Math.max(align, codec.align);
  }
  assert(end % align === 0, `${name} of ${end} bytes needs explicit padding at its end to ${align}`);
  layouts.set(name, {
    size: end,
    align,
    fields: Object.fromEntries(fields.map((f) => [f.key, { offset: f.offset, size: f.codec.size, align: f.codec.align }])),
  });
  return {
    size: end,
    align,
    write: (view, offset, value) => {
      for (const field of fields) field.codec.write(view, offset + field.offset, (value as Readonly<Record<string, unknown>>)[field.key]);
    },
    read: (view, offset) => Object.fromEntries(fields.map((field) => [field.key, field.codec.read(view, offset + field.offset)])),
  };
}

function fieldCodec(type: FieldType): Codec {
  if (typeof type === "string") return SCALARS[type];
  return "struct" in type ? codecOf(type.struct) : arrayCodec(fieldCodec(type.array), type.length);
}

function arrayCodec(element: Codec, length: number): Codec {
  return {
    size: element.size * length,
    align: element.align,
    write: (view, offset, value) => {
      const list = value as readonly unknown[];
      assert(list.length <= length, `a list of ${list.length} does not fit in ${length}`);
      for (let place = 0; place < list.length; place++) element.write(view, offset + place * element.size, list[place]);
    },
    read: (view, offset) => Array.from({ length }, (_, place) => element.read(view, offset + place * element.size)),
  };
}

function writeAddress(view: DataView, at: number, text: string): void {
  const four = parseIpv4(text);
  if (four === undefined) return new Uint8Array(view.buffer, view.byteOffset + at, 16).set(addressBytes(text));
  // Mapped: ::ffff:a.b.c.d.
  view.setUint32(at, 0);
  view.setUint32(at + 4, 0);
  view.setUint32(at + 8, 0xffff);
  view.setUint32(at + 12, four);
}

/** The value of a hexadecimal digit's character. */
function hexDigit(code: number): number {
  const digit = code <= 57 ? code - 48 : (code | 32) - 87;
  assert(digit >= 0 && digit < 16, "a hexadecimal digit");
  return digit;
}

const SCALARS: Readonly<Record<Extract<FieldType, string>, Codec>> = {
  u8: { size: 1, align: 1, write: (view, at, value) => view.setUint8(at, value as number), read: (view, at) => view.getUint8(at) },
  u16: {
    size: 2,
    align: 2,
    write: (view, at, value) => view.setUint16(at, value as number, true),
    read: (view, at) => view.getUint16(at, true),
  },
  u32: {
    size: 4,
    align: 4,
    write: (view, at, value) => view.setUint32(at, value as number, true),
    read: (view, at) => view.getUint32(at, true),
  },
  u64: {
    size: 8,
    align: 8,
    write: (view, at, value) => view.setBigUint64(at, value as bigint, true),
    read: (view, at) => view.getBigUint64(at, true),
  },
  be32: {
    size: 4,
    align: 4,
    write: (view, at, value) => {
      const address = parseIpv4(value as string);
      if (address === undefined) throw new Error(`assertion failed: ${String(value)} is an IPv4 address`);
      view.setUint32(at, address, false);
    },
    read: (view, at) => formatIpv4(ipv4(view.getUint32(at, false))),
  },
  mac: {
    size: 6,
    align: 1,
    write: (view, at, value) => {
      const text = value as string;
      assert(text.length === 17, `${text} is a MAC address`);
      for (let place = 0; place < 6; place++) {
        view.setUint8(at + place, hexDigit(text.charCodeAt(place * 3)) * 16 + hexDigit(text.charCodeAt(place * 3 + 1)));
      }
    },
    read: (view, at) =>
      [0, 1, 2, 3, 4, 5]
        .map((place) =>
          view
            .getUint8(at + place)
            .toString(16)
            .padStart(2, "0"),
        )
        .join(":"),
  },
  addr: {
    size: 16,
    align: 4,
    write: (view, at, value) => writeAddress(view, at, value as string),
    read: (view, at) => formatAddress(new Uint8Array(view.buffer, view.byteOffset + at, 16)),
  },
};
