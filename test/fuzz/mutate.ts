import type { Dice } from "./dice.ts";

/** Texts that mean something, by the names that they have in answers. */
export type Words = ReadonlyMap<string, readonly string[]>;

export type Pair = readonly [name: string, value: string];

/** Text that is something special somewhere. */
const ODD_PARTS = [
  ..."__proto__ constructor prototype toString hasOwnProperty valueOf then length 0 -1 01 1 2 999999999 1000000000".split(
    " ",
  ),
  ..."99999999999999999999 1e3 0x1 ١ １ 1.5 NaN member item entry Item Key Value Name".split(" "),
  ..."Filter Tag DryRun ClientToken MaxResults NextToken Action Version X-Amz-Date Signature".split(" "),
  "",
  " ",
  " 1",
  "1 ",
  "\0",
  "a\nb",
  "é",
  "\u202e",
];
const ODD_NUMBERS = [
  ..."-1 0 1 00 +1 -0 2147483647 2147483648 -2147483649 9007199254740993 99999999999999999999 1e309 1e3 0x10 NaN Infinity".split(
    " ",
  ),
  ..."0.5 65536 256 -2".split(" "),
];
const ODD_VALUES = [
  ...ODD_NUMBERS,
  ..."true TRUE False 1.5 null undefined __proto__ constructor ami- i- vpc-zz 0.0.0.0/0 10.0.0.0/33 10.0.0.300/8 ::/0 ::1/129 1.2.3.4".split(
    " ",
  ),
  ..."2030-02-30 2030-01-31T25:00:00Z 9999-12-31T23:59:59.999999999Z 0000-01-01 QQ== QQ= QQ QQ@= tcp all 256 65536 * ? ?* [a-z] \\ $where".split(
    " ",
  ),
  "",
  " ",
  "\0",
  "a\0b",
  "\r\n",
  "]]>",
  "<script>&'\"",
  "\u0007\u001b[2J",
  "\ufffe\uffff",
  "\u{1f600}".repeat(40),
  "e\u0301".repeat(300),
  "../../../../etc/passwd",
  "${jndi:ldap://127.0.0.1/a}",
  "a".repeat(257),
  "a".repeat(10_000),
  "*".repeat(60),
  "9".repeat(5_000),
  "A".repeat(8_000),
];
const ODD_TEXT = [
  ..."% %z %zz %c0%80 %ed%a0%80 %00 %f5%80%80%80 %ef%bb%bf + ; & && = == &= =& . .. .1 %2e %26 %3d # ? / \\".split(
    " ",
  ),
  "\ufeff",
  "\r\n\r\n",
];

/** The request changed a little, or a lot: its parts, then its text. */
export function mutated(chance: Dice, body: string, words: Words): Buffer {
  let pairs: readonly Pair[] = [...new URLSearchParams(body)];
  for (let left = chance.below(4); left > 0; left--)
    pairs = chance.pick(PAIR_MUTATIONS)(chance, pairs, words);
  const text = pairs.map((pair) => pair.map(escaped).join("=")).join("&");
  return chance.oneIn(4) ? chance.pick(TEXT_MUTATIONS)(chance, Buffer.from(text)) : Buffer.from(text);
}

/** Half a character, which cutting may have left, can't be escaped. */
function escaped(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Cs}/gu, "\ufffd"));
}

/** A value that exists in the region under the parameter's name, or else any value there. */
function word(chance: Dice, name: string, words: Words): string {
  const own = name.split(".").findLast((part) => !/^\d+$/.test(part)) ?? "";
  const fitting = chance.oneIn(6) ? undefined : words.get(own);
  return chance.pick(fitting ?? chance.pick([...words.values()]));
}

type PairMutation = (chance: Dice, pairs: readonly Pair[], words: Words) => readonly Pair[];

const PAIR_MUTATIONS: readonly PairMutation[] = [
  // Values, most often those that exist: else nothing gets past "does not exist".
  ...Array.from(
    { length: 6 },
    (): PairMutation => (chance, pairs, words) =>
      change(chance, pairs, ([name]) => [name, word(chance, name, words)]),
  ),
  (chance, pairs, words) =>
    pairs.map(([name, value]) => [
      name,
      COMMON.has(name) || chance.oneIn(4) ? value : word(chance, name, words),
    ]),
  (chance, pairs) => change(chance, pairs, ([name]) => [name, chance.pick(ODD_VALUES)]),
  (chance, pairs) => change(chance, pairs, ([name, value]) => [name, value + chance.pick(ODD_VALUES)]),
  (chance, pairs) =>
    change(chance, pairs, ([name, value]) => [name, value.slice(0, chance.below(value.length + 1))]),
  (chance, pairs) =>
    pairs.map(([name, value]) => [
      name,
      /^-?\d+$/.test(value) && chance.oneIn(2) ? chance.pick(ODD_NUMBERS) : value,
    ]),
  // Names
  (chance, pairs) =>
    change(chance, pairs, ([name, value]) => [inName(chance, name, () => [chance.pick(ODD_PARTS)]), value]),
  (chance, pairs) =>
    change(chance, pairs, ([name, value]) => [
      inName(chance, name, (part) => [part, chance.pick(ODD_PARTS)]),
      value,
    ]),
  (chance, pairs) => change(chance, pairs, ([name, value]) => [inName(chance, name, () => []), value]),
  (chance, pairs) =>
    change(chance, pairs, ([name, value]) => [inName(chance, name, (part) => [part.toLowerCase()]), value]),
  (chance, pairs) =>
    change(chance, pairs, ([name, value]) => [
      name + ".1".repeat(1 + chance.below(chance.oneIn(10) ? 5_000 : 40)),
      value,
    ]),
  (chance, pairs) => change(chance, pairs, ([name]) => [name.split(".")[0] ?? "", ""]),
  (chance, pairs) =>
    change(chance, pairs, ([name, value]) => [
      inName(chance, name, (part) => [/^\d+$/.test(part) ? String(chance.below(1e9)) : part]),
      value,
    ]),
  // Parameters
  (chance, pairs) => pairs.filter(() => !chance.oneIn(4)),
  (chance, pairs) => pairs.filter(([name]) => COMMON.has(name) || chance.oneIn(4)),
  (chance, pairs) => [...pairs, ...(pairs.length > 0 ? [chance.pick(pairs)] : [])],
  (chance, pairs) => [
    ...pairs,
    ...(pairs.length > 0 ? [[chance.pick(pairs)[0], chance.pick(ODD_VALUES)] as const] : []),
  ],
  (chance, pairs) => [...pairs, [chance.pick(ODD_PARTS), chance.pick(ODD_VALUES)]],
  (chance, pairs) => [[chance.pick(ODD_PARTS), chance.pick(ODD_VALUES)], ...pairs],
  (_, pairs) => pairs.toReversed(),
  (chance, pairs) => (chance.oneIn(50) ? many(chance, pairs) : pairs),
];

const COMMON: ReadonlySet<string> = new Set(["Action", "Version"]);

function change(chance: Dice, pairs: readonly Pair[], to: (pair: Pair) => Pair): readonly Pair[] {
  // The operation's own name changes less often: what comes after would not be looked at.
  const place = chance.below(Math.max(1, pairs.length));
  return pairs.map((pair, at) =>
    at === place && (!COMMON.has(pair[0]) || chance.oneIn(4)) ? to(pair) : pair,
  );
}

function inName(chance: Dice, name: string, to: (part: string) => readonly string[]): string {
  const parts = name.split(".");
  const place = chance.below(parts.length);
  return parts.flatMap((part, at) => (at === place ? to(part) : [part])).join(".");
}

/** One of its lists with thousands of items. */
function many(chance: Dice, pairs: readonly Pair[]): readonly Pair[] {
  const numbered = pairs.filter(([name]) => /\.\d+/.test(name));
  if (numbered.length === 0) return pairs;
  const [name, value] = chance.pick(numbered);
  return [
    ...pairs,
    ...Array.from({ length: 1 + chance.below(20_000) }, (_, at): Pair => [
      name.replace(/\.\d+/, `.${at + 10}`),
      value,
    ]),
  ];
}

type TextMutation = (chance: Dice, text: Buffer) => Buffer;

const TEXT_MUTATIONS: readonly TextMutation[] = [
  (chance, text) => text.subarray(0, chance.below(text.length + 1)),
  (chance, text) => text.subarray(chance.below(text.length + 1)),
  (chance, text) => Buffer.concat([text, text.subarray(chance.below(text.length + 1))]),
  (chance, text) => inserted(chance, text, Buffer.from(chance.pick(ODD_TEXT))),
  (chance, text) => inserted(chance, text, Buffer.from(chance.pick(ODD_TEXT))),
  (chance, text) => inserted(chance, text, Buffer.from([chance.below(256)])),
  (chance, text) => {
    const changed = Buffer.from(text);
    if (changed.length > 0)
      for (let left = 1 + chance.below(3); left > 0; left--)
        changed[chance.below(changed.length)] = chance.below(256);
    return changed;
  },
];

function inserted(chance: Dice, text: Buffer, more: Buffer): Buffer {
  const place = chance.below(text.length + 1);
  return Buffer.concat([text.subarray(0, place), more, text.subarray(place)]);
}
