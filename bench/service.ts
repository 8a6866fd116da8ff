import { inNamespace } from "../src/datapath/netns.ts";
import { assert } from "../src/lib/assert.ts";
import { type Job, LAST, PORT, type Service } from "./job.ts";
import {
  acceptFrom,
  bindTo,
  closeSocket,
  connectTo,
  fixedBuffers,
  listenOn,
  newSocket,
  noDelay,
  receive,
  receiveFrom,
  sendAll,
  socketAddress,
} from "./libc.ts";

/**
 * Opens the other end of a measure on the internet's side, and returns what serves it: that blocks until the
 * client says it was the last.
 */
export function openService({
  path,
  what,
  bytes = 0,
  buffer = 0,
}: Extract<Job, { kind: "serve" }>): () => void {
  const fd = inNamespace(path.internet, () => {
    const socket = newSocket(what === "udp" ? "udp" : "tcp", 30);
    if (buffer > 0) fixedBuffers(socket, buffer);
    bindTo(socket, path.internetAddress, PORT[what]);
    if (what !== "udp") listenOn(socket);
    return socket;
  });
  const seen = (address: string): void =>
    assert(address === path.seenAddress, `${path.name} is seen as ${path.seenAddress}, not ${address}`);
  return () => {
    try {
      SERVE[what](fd, { seen, bytes });
    } finally {
      closeSocket(fd);
    }
  };
}

type Serving = { readonly seen: (address: string) => void; readonly bytes: number };

const SERVE: Readonly<Record<Service, (fd: number, serving: Serving) => void>> = {
  udp,
  tcp,
  connections,
  bulk,
};

function udp(fd: number, { seen }: Serving): void {
  const data = Buffer.alloc(64);
  const first = receiveFrom(fd, data);
  assert(first, "a first request");
  seen(first.address);
  // Connected to its only client, as that one is to it.
  connectTo(fd, socketAddress(first.address, first.port));
  sendAll(fd, first.data);
  for (;;) {
    const got = receive(fd, data);
    if (data[0] === LAST) return;
    sendAll(fd, data, got);
  }
}

function tcp(listener: number): void {
  const fd = acceptFrom(listener);
  const data = Buffer.alloc(64);
  try {
    noDelay(fd);
    for (let got = receive(fd, data); got > 0 && data[0] !== LAST; got = receive(fd, data))
      sendAll(fd, data, got);
  } finally {
    closeSocket(fd);
  }
}

function connections(listener: number): void {
  const data = Buffer.alloc(64);
  do {
    const fd = acceptFrom(listener);
    try {
      const got = receive(fd, data);
      if (got > 0) sendAll(fd, data, got);
    } finally {
      closeSocket(fd);
    }
  } while (data[0] !== LAST);
}

function bulk(listener: number, { bytes }: Serving): void {
  const fd = acceptFrom(listener);
  const data = Buffer.alloc(1 << 18);
  const answer = Buffer.from([1]);
  try {
    for (let left = bytes, got = receive(fd, data); got > 0; got = receive(fd, data)) {
      left -= got;
      assert(left >= 0, "no more comes than was to come");
      if (left > 0) continue;
      sendAll(fd, answer);
      left = bytes;
    }
  } finally {
    closeSocket(fd);
  }
}
