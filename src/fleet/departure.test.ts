import assert from "node:assert/strict";
import { test } from "node:test";
import { requireLeaving } from "./departure.ts";
import type { Member } from "./member.ts";

const machine = (number: number, more: Partial<Member> = {}): Member => ({
  number,
  name: `m${number}`,
  address: `10.0.0.${number}`,
  url: "",
  zones: [],
  roles: ["control", "host", "gateway"],
  version: "0.1.0",
  home: `h${number}`,
  live: true,
  drained: true,
  ...more,
});

test("a machine leaves when nothing depends on it; otherwise it is said what to do", () => {
  const gone = (machines: readonly Member[], name: string, self: boolean, running: readonly string[] = []) =>
    requireLeaving({ name, self, machines, instances: () => running }).number;
  const [one, two] = [machine(1), machine(2)];
  assert.equal(gone([one, two], "m2", true), 2);
  assert.equal(gone([one, two], "1", true), 1);
  const away = machine(2, { live: false });
  assert.equal(gone([one, away], "m2", false, ["i-1"]), 2);
  const refused = (words: RegExp, ...asked: Parameters<typeof gone>) =>
    assert.throws(() => gone(...asked), { name: "NotLeaving", message: words });
  refused(/no machine m3/, [one, two], "m3", true);
  refused(/m2 is up: run \.\/genkan leave there/, [one, two], "m2", false);
  refused(/m1 is the last machine that decides: join another/, [one], "m1", true);
  refused(/last machine that decides/, [one, machine(2, { roles: ["host"] })], "m1", true);
  refused(/last machine that decides/, [one, away], "m1", true);
  refused(/runs 1 instance \(i-1\): terminate/, [one, two], "m2", true, ["i-1"]);
  refused(/runs 4 instances \(i-1 i-2 i-3 …\)/, [one, two], "m2", true, ["i-1", "i-2", "i-3", "i-4"]);
  refused(/genkan drain m2 first/, [one, machine(2, { drained: false })], "m2", true);
});
