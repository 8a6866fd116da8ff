import { join } from "node:path";
import { attributes, bpf, objectInfo, openPinned } from "../src/datapath/libbpf.ts";
import { frame, udp } from "../src/datapath/test-frame.ts";
import { testRun } from "../src/datapath/test-run.ts";
import { installationAt } from "../src/host/installation.ts";
import { assert, present } from "../src/lib/assert.ts";
import { sendOne } from "./load.ts";
import type { Server } from "./server.ts";
import { signedRequest } from "./signed-request.ts";

type Call = Readonly<Record<string, string>>;

/**
 * Milliseconds from the sending of a request to a packet that obeys it: an Elastic IP is associated, and the
 * program that is attached to the running gateway's uplink knows the address; it is disassociated, and the
 * program knows it no more.
 */
export async function changeToPacket(
  server: Server,
  home: string,
  subnet: string,
  times: number,
): Promise<readonly number[]> {
  const program = uplinkProgram(home);
  const call = (parameters: Call): Promise<string> =>
    sendOne(server.port, signedRequest(server.signer, parameters, new Date()));
  const eni = found(await call({ Action: "CreateNetworkInterface", SubnetId: subnet }), /eni-[0-9a-f]{17}/);
  const allocated = await call({ Action: "AllocateAddress" });
  const address = found(allocated, /eipalloc-[0-9a-f]{17}/);
  const publicIp = present(/<publicIp>([^<]+)/.exec(allocated)?.[1], "the public address");
  const ends = { source: "198.51.100.1", destination: publicIp };
  const packet = frame({ ...ends, payload: udp(ends, 5000, 53) });
  const isMapped = (): boolean => testRun(program, packet, { link: 2 }).reason !== "public_ip_not_mapped";
  const samples: number[] = [];
  const timed = async (parameters: Call, mapped: boolean): Promise<string> => {
    const started = performance.now();
    const answer = await call(parameters);
    const obeys = isMapped() === mapped;
    samples.push(performance.now() - started);
    assert(obeys, `a packet obeys ${parameters["Action"]}`);
    return answer;
  };
  assert(!isMapped(), "nobody has the address yet");
  for (let round = 0; round < times; round++) {
    const associated = await timed(
      { Action: "AssociateAddress", AllocationId: address, NetworkInterfaceId: eni },
      true,
    );
    await timed(
      { Action: "DisassociateAddress", AssociationId: found(associated, /eipassoc-[0-9a-f]{17}/) },
      false,
    );
  }
  await call({ Action: "ReleaseAddress", AllocationId: address });
  await call({ Action: "DeleteNetworkInterface", NetworkInterfaceId: eni });
  return samples;
}

const BPF_PROG_GET_FD_BY_ID = 13;
/** The uplink's index in Genkan's namespace. */
const UPLINK = 2;

/** A descriptor of the program that the running installation has on its uplink. */
function uplinkProgram(home: string): number {
  const { bpf: pins } = installationAt(home);
  const link = present(openPinned(join(pins, `link-${UPLINK}-from_uplink`)), "the uplink's program");
  // struct bpf_link_info: type, id, prog_id.
  const id = objectInfo(link).readUInt32LE(8);
  const program = bpf(BPF_PROG_GET_FD_BY_ID, attributes([[0, 4, id]]));
  assert(program >= 0, `the program ${id} can be opened`);
  return program;
}

function found(answer: string, pattern: RegExp): string {
  return present(pattern.exec(answer)?.[0], `${String(pattern)} in ${answer.slice(0, 300)}`);
}
