import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryTables } from "../../src/contract/memory-tables.ts";
import { DROP_REASONS, PASSES as PASS_REASONS, STAGES } from "../../src/contract/stages.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { hopOf } from "../../src/reach/hop.ts";
import { idsIn } from "../../src/reach/ids.ts";
import { TCP } from "../../src/reach/packet.ts";
import { trace } from "../../src/reach/trace.ts";
import { EXPLAIN, OBSTACLES } from "../../src/words/explain.ts";
import { FLOWS } from "../../src/words/flows.ts";
import { hopText } from "../../src/words/trace-text.ts";
import {
  CLOSER_REASONS,
  LIVE,
  PASSES,
  PACKET_ENDS,
  REASONS,
  STAGE_NAMES,
  WALK,
} from "../../src/words/trace.ts";
import { scene, SETTINGS } from "../kit/scene.ts";

test("every drop reason and every stage has its words, in both languages, and no others have", () => {
  assert.deepEqual(new Set(Object.keys(REASONS)), new Set(DROP_REASONS.slice(1)));
  assert.deepEqual(new Set(Object.keys(PASSES)), new Set(Object.keys(PASS_REASONS)));
  assert.deepEqual(new Set(Object.keys(STAGE_NAMES)), new Set(STAGES));
  for (const words of [
    REASONS,
    CLOSER_REASONS,
    PASSES,
    STAGE_NAMES,
    PACKET_ENDS,
    LIVE,
    WALK,
    OBSTACLES,
    EXPLAIN,
    FLOWS,
  ].flatMap((group) => Object.values(group))) {
    assert.ok(words.en.length > 0);
    assert.match(words.ja, /[ぁ-んァ-ヶ一-龠]/);
    const holes = (text: string): readonly string[] =>
      [...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).toSorted();
    assert.deepEqual(holes(words.ja), holes(words.en));
  }
});

test("a missing route is told of the route table that lacks it, the subnet's or the gateway's", () => {
  const s = scene();
  const reader = s.region.reader();
  const ids = idsIn([reader]);
  const said = (from: number | undefined, emptied: "subnets" | "vpcs"): readonly string[] => {
    const plan = fullPlan([reader], SETTINGS).map((entry) => {
      if (entry.table === "vpcs" && emptied === "vpcs")
        return { ...entry, value: { ...entry.value, gateway_route_table: 4_000 } };
      if (entry.table === "subnets" && emptied === "subnets")
        return { ...entry, value: { ...entry.value, route_table: 4_000 } };
      return entry;
    });
    const ends =
      from === undefined
        ? { source: "198.51.100.1", destination: s.web.publicIp }
        : { from, source: s.web.privateIp, destination: "198.51.100.1" };
    const packet = { ...ends, protocol: TCP, sourcePort: 40_000, destinationPort: 80, tcp: { syn: true } };
    const last = trace(memoryTables(plan), packet).steps.at(-1);
    assert.ok(last);
    const hop = hopOf(last, { ids, packetEndOf: ids.packetEndOf, leg: "request" });
    return [hop.stage, hop.code ?? "", hopText(hop, "en"), hopText(hop, "ja")];
  };
  assert.deepEqual(said(s.web.slot, "subnets"), [
    "route",
    "NO_ROUTE_TO_DESTINATION",
    "the subnet's route table has no route to the destination",
    "サブネットのルートテーブルに宛先へのルートがない",
  ]);
  assert.deepEqual(said(undefined, "vpcs"), [
    "internet_gateway",
    "NO_ROUTE_TO_DESTINATION",
    "the gateway's route table has no route to the destination",
    "ゲートウェイのルートテーブルに宛先へのルートがない",
  ]);
});
