/** The kernel program's clock: nanoseconds, monotonic, as `bpf_ktime_get_ns`. */
export function monotonicNow(): bigint {
  return process.hrtime.bigint();
}
