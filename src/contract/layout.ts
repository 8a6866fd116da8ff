import { addressBytes, formatBytes, formatIpv4, ipv4, parseIpv4 } from "../lib/address.ts";
import { assert, present } from "../lib/assert.ts";
import { RECORDS } from "./records.ts";
import type { FieldType, ScalarType, StructLayout, Structs, ValueIn } from "./struct.ts";
import { STRUCTS } from "./tables.ts";

/** All structs that the kernel program and user space share: the plan's tables and the records. */
const SHARED = { ...STRUCTS, ...RECORDS } as const satisfies Structs;
export type SharedName = keyof typeof SHARED;
export type SharedValue<S extends SharedName> = ValueIn<typeof SHARED, S>;

export type Layout = { readonly size: number; readonly align: number };

/** Where a field is, in bytes from the struct's beginning. */
export type FieldSpan = { readonly offset: number; readonly size: number };
/** A field of a struct. `at`: the struct's offset in the view. */
export type Field<T> = FieldSpan & {
  readonly read: (view: DataView, at: number) => T;
  readonly write: (view: DataView, at: number, value: T) => void;
};
export type Fields<S extends SharedName> = { readonly [F in keyof SharedValue<S>]: Field<SharedValue<S>[F]> };

type Codec = {
  /** Only for an array. */
  readonly element?: Codec;
  readonly size: number;
  readonly align: number;
  readonly write: (view: DataView, offset: number, value: unknown) => void;
  readonly read: (view: DataView, offset: number) => unknown;
};
type Part = { readonly offset: number; readonly codec: Codec };
type StructCodec = Codec & { readonly parts: Readonly<Record<string, Part>> };

const codecs = new Map<string, StructCodec>();

/** The struct's size and alignment, as a C compiler lays it out. Asserts that no byte is hidden padding. */
export function layoutOf(name: SharedName): Layout {
  return codecOf(name);
}

/** The struct's fields, to read a few of them from many structs in a row. */
export function fieldsOf<S extends SharedName>(name: S): Fields<S> {
  const fields = Object.entries(codecOf(name).parts).map(([field, { offset, codec }]) => [
    field,
    fieldAt(offset, codec),
  ]);
  return Object.fromEntries(fields) as Fields<S>;
}

type ElementOf<T> = T extends readonly (infer E)[] ? E : never;

/** One element of an array field. */
export function elementOf<S extends SharedName, F extends keyof SharedValue<S> & string>(
  name: S,
  field: F,
  place: number,
): Field<ElementOf<SharedValue<S>[F]>> {
  const { offset, codec } = present(codecOf(name).parts[field], `${name} has a ${field}`);
  const element = present(codec.element, `${name}.${field} is an array`);
  assert(place >= 0 && place < codec.size / element.size, `${name}.${field} has an element ${place}`);
  return fieldAt(offset + place * element.size, element) as Field<ElementOf<SharedValue<S>[F]>>;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The struct's bytes, as the kernel's tables hold them. */
export function encodeStruct<S extends SharedName>(name: S, value: SharedValue<S>): Uint8Array {
  const codec = codecOf(name);
  const bytes = new Uint8Array(codec.size);
  codec.write(new DataView(bytes.buffer), 0, value);
  return bytes;
}

/** Writes the struct's bytes at an offset in the caller's view. */
export function encodeStructAt<S extends SharedName>(
  name: S,
  value: SharedValue<S>,
  view: DataView,
  offset: number,
): void {
  codecOf(name).write(view, offset, value);
}

/** The value of a struct's bytes; the inverse of {@link encodeStruct}. */
export function decodeStruct<S extends SharedName>(name: S, bytes: Uint8Array): SharedValue<S> {
  const codec = codecOf(name);
  assert(bytes.length >= codec.size, `${name} takes ${codec.size} bytes, not ${bytes.length}`);
  return codec.read(viewOf(bytes), 0) as SharedValue<S>;
}

function codecOf(name: string): StructCodec {
  const known = codecs.get(name);
  if (known) return known;
  const codec = structCodec(name, (SHARED as Structs)[name] ?? {});
  codecs.set(name, codec);
  return codec;
}

function structCodec(name: string, struct: StructLayout): StructCodec {
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
  return {
    size: end,
    align,
    write: (view, offset, value) => {
      for (const field of fields)
        field.codec.write(
          view,
          offset + field.offset,
          (value as Readonly<Record<string, unknown>>)[field.key],
        );
    },
    read: (view, offset) =>
      Object.fromEntries(fields.map((field) => [field.key, field.codec.read(view, offset + field.offset)])),
    parts: Object.fromEntries(fields.map(({ key, ...part }) => [key, part])),
  };
}

function fieldAt(offset: number, codec: Codec): Field<unknown> {
  return {
    offset,
    size: codec.size,
    read: (view, at) => codec.read(view, at + offset),
    write: (view, at, value) => codec.write(view, at + offset, value),
  };
}

function fieldCodec(type: FieldType): Codec {
  if (typeof type === "string") return SCALARS[type];
  return "struct" in type ? codecOf(type.struct) : arrayCodec(fieldCodec(type.array), type.length);
}

function arrayCodec(element: Codec, length: number): Codec {
  return {
    element,
    size: element.size * length,
    align: element.align,
    write: (view, offset, value) => {
      const list = value as readonly unknown[];
      assert(list.length <= length, `a list of ${list.length} does not fit in ${length}`);
      for (let index = 0; index < list.length; index++)
        element.write(view, offset + index * element.size, list[index]);
    },
    read: (view, offset) =>
      Array.from({ length }, (_, index) => element.read(view, offset + index * element.size)),
  };
}

function writeAddress(view: DataView, at: number, text: string): void {
  const four = parseIpv4(text);
  if (four === undefined)
    return new Uint8Array(view.buffer, view.byteOffset + at, 16).set(addressBytes(text));
  // An IPv4-mapped address: ::ffff:a.b.c.d.
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

const SCALARS: Readonly<Record<ScalarType, Codec>> = {
  u8: {
    size: 1,
    align: 1,
    write: (view, at, value) => view.setUint8(at, value as number),
    read: (view, at) => view.getUint8(at),
  },
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
  be16: {
    size: 2,
    align: 2,
    write: (view, at, value) => view.setUint16(at, value as number, false),
    read: (view, at) => view.getUint16(at, false),
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
      for (let index = 0; index < 6; index++) {
        view.setUint8(
          at + index,
          hexDigit(text.charCodeAt(index * 3)) * 16 + hexDigit(text.charCodeAt(index * 3 + 1)),
        );
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
    read: (view, at) => formatBytes(new Uint8Array(view.buffer, view.byteOffset + at, 16)),
  },
};
