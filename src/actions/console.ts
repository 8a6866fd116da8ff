import type { GetConsoleOutputRequest, GetConsoleOutputResult } from "@aws-sdk/client-ec2";
import type { Action } from "./action.ts";
import { findInstance } from "./instance.ts";

/** What the instance has printed, newest output included; no Output while it has printed nothing. */
const GetConsoleOutput: Action<GetConsoleOutputRequest, GetConsoleOutputResult> = (tx, input, context) => {
  const instance = findInstance(tx, input.InstanceId);
  const text = context.consoleOutput(instance.id);
  const Output = text === undefined || text === "" ? undefined : Buffer.from(text).toString("base64");
  return { InstanceId: instance.id, Timestamp: new Date(context.now), Output };
};

export const consoleActions = { GetConsoleOutput };
