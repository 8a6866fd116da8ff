import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsRow } from "./settings.ts";

const MAC = "02:00:00:00:00:01";
const MACS = { uplinkMac: MAC, uplinkPeerMac: MAC, servicesMac: MAC, servicesPeerMac: MAC };

test("the limits follow from how much the kernel's tables hold, as docs/differences.md says", () => {
  const { value } = settingsRow({ pools: [], uplink: 2, services: 3, fragments: 4, ...MACS });
  assert.deepEqual(
    [value.connection_limit, value.connections_crowded, value.connection_share],
    [65_536, 786_432, 1_024],
  );
  assert.deepEqual(
    [value.nat_connection_limit, value.nat_connections_crowded, value.nat_connection_share],
    [131_072, 393_216, 8_192],
  );
  assert.deepEqual(
    [value.flow_records_shared, value.flow_record_share, value.nat_ports],
    [98_304, 128, 55_000],
  );
});
