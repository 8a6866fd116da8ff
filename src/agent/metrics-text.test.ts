import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { metricsText, openCounter, openHistogram } from "./metrics-text.ts";

describe("metrics in Prometheus's text format", () => {
  it("escapes labels and help", () => {
    const labels = { path: 'C:\\DIR\n"x"' };
    const text = metricsText([
      {
        name: "a_total",
        help: 'back\\slash\nnew "line"',
        type: "counter",
        samples: [{ labels, value: 12345678901234567890n }],
      },
    ]);
    assert.equal(
      text,
      '# HELP a_total back\\\\slash\\nnew "line"\n# TYPE a_total counter\na_total{path="C:\\\\DIR\\n\\"x\\""} 12345678901234567890\n',
    );
  });

  it("writes numbers as Prometheus reads them", () => {
    const samples = [0, 0.1, 1e21, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(
      (value) => ({ value }),
    );
    const rows = metricsText([{ name: "g", help: "h", type: "gauge", samples }])
      .trim()
      .split("\n")
      .slice(2);
    assert.deepEqual(rows, ["g 0", "g 0.1", "g 1e+21", "g +Inf", "g -Inf", "g NaN"]);
  });

  it("has counters, and no others, end in _total", () => {
    assert.throws(() => metricsText([{ name: "a", help: "", type: "counter", samples: [] }]), /counters/);
    assert.throws(() => metricsText([{ name: "a_total", help: "", type: "gauge", samples: [] }]), /counters/);
  });

  it("counts by labels", () => {
    const counter = openCounter();
    for (const [operation, code] of [
      ["A", "ok"],
      ["B", "ok"],
      ["A", "ok"],
      ["A", "Fault"],
    ] as const)
      counter.add({ operation, code });
    assert.deepEqual(
      counter.samples().map(({ labels, value }) => [labels?.["operation"], labels?.["code"], value]),
      [
        ["A", "ok", 2],
        ["B", "ok", 1],
        ["A", "Fault", 1],
      ],
    );
  });

  it("has a histogram's buckets add up, bounds included", () => {
    const histogram = openHistogram([1, 2]);
    for (const seconds of [0.5, 1, 1.5, 2, 3]) histogram.observe(seconds);
    const text = metricsText([
      { name: "t_seconds", help: "h", type: "histogram", samples: histogram.samples() },
    ]);
    assert.deepEqual(text.trim().split("\n").slice(2), [
      't_seconds_bucket{le="1"} 2',
      't_seconds_bucket{le="2"} 4',
      't_seconds_bucket{le="+Inf"} 5',
      "t_seconds_sum 8",
      "t_seconds_count 5",
    ]);
  });
});
