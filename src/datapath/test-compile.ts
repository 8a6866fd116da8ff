import { spawnSync } from "node:child_process";
import { HEADERS } from "../contract/header.ts";

/** All headers that are generated for the kernel program, as one text. */
export function headersText(): string {
  const headers = Object.values(HEADERS).map((header) =>
    header().replace(/^#(pragma once|include .*)$/gm, ""),
  );
  return ["#include <linux/bpf.h>", "#include <bpf/bpf_helpers.h>", ...headers].join("\n");
}

/**
 * The compiler's messages for C source for the kernel; empty when it is right. @throws when there is no
 * compiler.
 */
export function compile(text: string, options: readonly string[]): string {
  const machine = `/usr/include/${{ x64: "x86_64", arm64: "aarch64" }[process.arch as string]}-linux-gnu`;
  const all = ["-O2", "-g", "-target", "bpf", `-I${machine}`, ...options, "-x", "c", "-"];
  const { stderr, error } = spawnSync("clang", all, { input: text, encoding: "utf8" });
  if (error) throw error;
  return stderr;
}
