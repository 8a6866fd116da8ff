/**
 * Ansible's amazon.aws collection, where it is on the machine: a first run changes, a second changes nothing,
 * and it takes all away again.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execute, type Genkan, noPackets, ROOT, startGenkan } from "../kit/genkan.ts";
import { leftOvers } from "./left-overs.ts";

const playbook = ["/usr/bin/ansible-playbook", "/usr/local/bin/ansible-playbook"].find((path) =>
  existsSync(path),
);
const absent = noPackets || (playbook === undefined ? "no ansible-playbook here" : false);
const FOLDER = join(ROOT, "test/clients/ansible");
const MINUTES = 60_000;

/** A task of a play, as Ansible's JSON output tells it. */
type Task = { readonly name: string; readonly changed: boolean };

describe("Ansible", { skip: absent }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan(["--no-host-link"]);
  });
  after(() => genkan.stop());

  test("changes, then changes nothing, then takes all away", { timeout: 9 * MINUTES }, async () => {
    const first = await play("site.yml", genkan);
    assert.deepEqual(
      first.filter(({ changed }) => !changed).map(({ name }) => name),
      [],
      "every task of the first run changes something",
    );
    const second = await play("site.yml", genkan);
    assert.deepEqual(
      second.filter(({ changed }) => changed).map(({ name }) => name),
      [],
      "no task of the second run changes anything",
    );
    await play("absent.yml", genkan);
    assert.deepEqual(await leftOvers(genkan.client), [], "nothing is left");
  });
});

async function play(file: string, genkan: Genkan): Promise<readonly Task[]> {
  const env = {
    ...genkan.environment,
    ...genkan.credentials,
    ANSIBLE_STDOUT_CALLBACK: "json",
    ANSIBLE_LOCALHOST_WARNING: "false",
    ANSIBLE_NOCOLOR: "1",
    ANSIBLE_HOME: genkan.home,
    ANSIBLE_LOCAL_TEMP: join(genkan.home, "ansible"),
    AWS_EC2_METADATA_DISABLED: "true",
    LC_ALL: "C.UTF-8",
  };
  const variables = [
    "-e",
    `endpoint=http://127.0.0.1:${genkan.port}`,
    "-e",
    "ansible_python_interpreter=/usr/bin/python3",
  ];
  const { status, out, err } = await execute(
    playbook ?? "",
    ["-i", "localhost,", ...variables, join(FOLDER, file)],
    {
      env,
      timeout: 4 * MINUTES,
    },
  );
  assert.equal(status, 0, `ansible-playbook ${file}\n${out.slice(-5000)}\n${err}`);
  const told = JSON.parse(out.slice(out.indexOf("{"))) as {
    readonly plays: readonly {
      readonly tasks: readonly {
        readonly task: { readonly name: string };
        readonly hosts: { readonly localhost: { readonly changed: boolean } };
      }[];
    }[];
  };
  return told.plays.flatMap(({ tasks }) =>
    tasks.map(({ task, hosts }) => ({ name: task.name, changed: hosts.localhost.changed })),
  );
}
