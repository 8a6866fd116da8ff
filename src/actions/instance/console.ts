import type { GetConsoleOutputRequest, GetConsoleOutputResult } from "@aws-sdk/client-ec2";
import type { Action } from "../kit/action.ts";
import { find } from "../kit/find.ts";

/** What the instance has printed, newest output included; no Output while it has printed nothing. */
const GetConsoleOutput: Action<GetConsoleOutputRequest, GetConsoleOutputResult> = (tx, input, context) => {
  const instance = find(tx, "instance", input.InstanceId);
  const text = context.consoleOutput(instance.id);
  const Output = text === undefined || text === "" ? undefined : Buffer.from(text).toString("base64");
  return { InstanceId: instance.id, Timestamp: new Date(context.now), Output };
};

export const consoleActions = { GetConsoleOutput };
