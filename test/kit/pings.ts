/** Numbered packets: what became of the echo requests of several pings (iputils' `ping -D`). */

export type Pinged = {
  readonly sent: number;
  readonly received: number;
  /** The longest time between the answers before and after some that did not come; 0: all came. */
  readonly longestGapMilliseconds: number;
};

/** One flow of numbered packets, a hundred a second, until it gets SIGINT. */
export function pingCommand(address: string): readonly string[] {
  return ["ping", "-D", "-n", "-i", "0.01", "-W", "1", address];
}

/** What one flow's ping printed. */
export function readPings(text: string): Pinged {
  const answers = [...text.matchAll(/^\[([\d.]+)\] .*icmp_seq=(\d+) ttl=/gm)].map(([, time, number]) => ({
    time: Number(time) * 1_000,
    number: Number(number),
  }));
  const gaps = answers.slice(1).map((answer, index) => {
    const before = answers[index] ?? answer;
    return answer.number > before.number + 1 ? answer.time - before.time : 0;
  });
  const [, sent = 0, received = 0] =
    /(\d+) packets transmitted, (\d+) received/.exec(text)?.map(Number) ?? [];
  return { sent, received, longestGapMilliseconds: Math.round(Math.max(0, ...gaps)) };
}

/** Several flows as one: all their packets, and the longest gap of any. */
export function allOf(flows: readonly Pinged[]): Pinged {
  return {
    sent: flows.reduce((sum, { sent }) => sum + sent, 0),
    received: flows.reduce((sum, { received }) => sum + received, 0),
    longestGapMilliseconds: Math.max(0, ...flows.map((flow) => flow.longestGapMilliseconds)),
  };
}
