/**
 * States as earlier versions kept them, each in a folder named by its day: `state.mdb.gz`, the store of a
 * Genkan that was ended in good order, and `answers.json`, what that one had described just before. A version
 * that changes what is stored adds one, made by the version before it.
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import * as ec2 from "@aws-sdk/client-ec2";
import { violations } from "../../src/model/invariants.ts";
import { openReadOnly } from "../../src/store/read-only.ts";
import { type Genkan, noPackets, ROOT, startGenkan } from "../kit/genkan.ts";

type Kept = {
  /**
   * In the first region: one instance with an Elastic IP, and one in a private subnet behind a NAT gateway.
   */
  readonly instances: { readonly elastic: string; readonly private: string };
  /** By region and operation. */
  readonly answers: Readonly<Record<string, object>>;
};

const FOLDER = join(ROOT, "test/kept");

for (const day of readdirSync(FOLDER).filter((name) => /^\d{4}-\d\d-\d\d$/.test(name))) {
  const kept = JSON.parse(readFileSync(join(FOLDER, day, "answers.json"), "utf8")) as Kept;
  const putState = (home: string): void => {
    mkdirSync(join(home, "state"));
    writeFileSync(join(home, "state/data.mdb"), gunzipSync(readFileSync(join(FOLDER, day, "state.mdb.gz"))));
  };

  describe(`the state of ${day}`, () => {
    test("is described as it was, and has no violations", { timeout: 120_000 }, async () => {
      const genkan = await startGenkan(["--no-packets"], putState);
      try {
        for (const [question, answer] of Object.entries(kept.answers))
          assert.deepEqual(await ask(genkan, question), answer, question);
        const view = openReadOnly(join(genkan.home, "state"));
        assert.deepEqual(
          violations(
            view.realms().map((realm) => ({ realm, reader: view.reader(realm.account, realm.region) })),
          ),
          [],
        );
        await view.close();
      } finally {
        await genkan.stop();
      }
    });

    test("has its instances up, with their addresses", { skip: noPackets, timeout: 300_000 }, async () => {
      const genkan = await startGenkan(["--no-host-link"], putState);
      try {
        for (const [question, answer] of Object.entries(kept.answers))
          assert.deepEqual(await ask(genkan, question), answer, question);
        const seen = async (id: string): Promise<string> =>
          (
            await genkan.genkan("exec", id, "--", "curl", "-s", "-m", "10", "http://198.51.100.1/ip")
          ).out.trim();
        const { elastic, private: hidden } = kept.instances;
        const { Addresses = [] } = kept.answers["us-east-1 DescribeAddresses"] as ec2.DescribeAddressesResult;
        const nat = (kept.answers["us-east-1 DescribeNatGateways"] as ec2.DescribeNatGatewaysResult)
          .NatGateways?.[0];
        await up(genkan, elastic);
        assert.equal(
          await seen(elastic),
          Addresses.find(({ InstanceId }) => InstanceId === elastic)?.PublicIp,
        );
        await up(genkan, hidden);
        assert.equal(await seen(hidden), nat?.NatGatewayAddresses?.[0]?.PublicIp);
        const tables = await genkan.genkan("doctor", "--tables", "--json");
        const { rows, complaints } = JSON.parse(tables.out) as {
          readonly rows: number;
          readonly complaints: readonly string[];
        };
        assert.deepEqual([tables.status, complaints], [0, []]);
        assert.ok(rows > 50, `${rows} rows`);
      } finally {
        await genkan.stop();
      }
    });
  });
}

const COMMANDS: ReadonlyMap<string, unknown> = new Map(Object.entries(ec2));

/** As JSON has it: dates are texts there. */
async function ask(genkan: Genkan, question: string): Promise<object> {
  const [region = "", operation = ""] = question.split(" ");
  const Command = COMMANDS.get(`${operation}Command`) as typeof ec2.DescribeVpcsCommand;
  const { $metadata: _, ...answer } = await genkan.clientIn(region).send(new Command({}));
  return JSON.parse(JSON.stringify(answer)) as object;
}

/** It is booted anew: the state says that it runs, and this machine does not know it. */
async function up(genkan: Genkan, id: string): Promise<void> {
  const end = Date.now() + 60_000;
  while ((await genkan.genkan("exec", id, "--", "true")).status !== 0)
    assert.ok(Date.now() < end, `${id} comes up`);
}
