import * as sdk from "@aws-sdk/client-ec2";
import { Fault } from "../model/fault.ts";
import { clip, parameter, type Parameters } from "./parameters.ts";
import { type Schema, structureOf, type StructureShape } from "./shape.ts";

/** An operation of the EC2 API as its service model describes it. */
export type Operation = {
  readonly name: string;
  readonly input: StructureShape | undefined;
  readonly output: StructureShape | undefined;
};

/** The API version of every current client, and the only one that there are shapes for. */
export const EC2_VERSION = "2016-11-15";

/**
 * The operation that a query names.
 * @param offered which of EC2's operations Genkan answers
 * @throws MissingAction, InvalidAction, NoSuchVersion, MissingParameter (the version)
 */
export function requestedOperation(
  parameters: Parameters,
  offered: (operation: string) => boolean,
): Operation {
  const name = parameter(parameters, "Action");
  if (name === undefined || name === "")
    throw new Fault("MissingAction", "The request must contain the parameter Action");
  const version = parameter(parameters, "Version");
  if (version === undefined)
    throw new Fault("MissingParameter", "The request must contain the parameter Version");
  if (version !== EC2_VERSION) {
    throw new Fault(
      "NoSuchVersion",
      `The requested version (${clip(version)}) of service AmazonEC2 does not exist`,
    );
  }
  const operation = findOperation(name);
  if (!operation)
    throw new Fault("InvalidAction", `The action ${clip(name)} is not valid for this web service.`);
  if (!offered(name))
    throw new Fault(
      "InvalidAction",
      `The action ${name} is not valid for this web service. Genkan does not offer it.`,
    );
  return operation;
}

/** The operation with this name, whether Genkan offers it or not; undefined when EC2 has none. */
export function findOperation(name: string): Operation | undefined {
  const known = operations.get(name);
  if (known) return known;
  const schema = SCHEMAS.get(name);
  if (!schema) return undefined;
  const operation: Operation = { name, input: structureOf(schema[4]), output: structureOf(schema[5]) };
  operations.set(name, operation);
  return operation;
}

/** The names of all operations of EC2, in alphabetical order. */
export function operationNames(): readonly string[] {
  return [...SCHEMAS.keys()].toSorted();
}

/** An operation's schema: [9, namespace, name, traits, input, output]. */
type OperationSchema = readonly [9, string, string, unknown, Schema, Schema];

const SCHEMAS: ReadonlyMap<string, OperationSchema> = new Map(
  (Object.values(sdk) as readonly unknown[]).filter(isOperationSchema).map((schema) => [schema[2], schema]),
);

/** Shapes are made when first used: making all of them would take longer than the rest of the start. */
const operations = new Map<string, Operation>();

function isOperationSchema(value: unknown): value is OperationSchema {
  return Array.isArray(value) && value[0] === 9;
}
