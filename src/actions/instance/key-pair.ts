import type {
  CreateKeyPairRequest,
  DeleteKeyPairRequest,
  DeleteKeyPairResult,
  DescribeKeyPairsRequest,
  DescribeKeyPairsResult,
  ImportKeyPairRequest,
  ImportKeyPairResult,
  KeyPair as KeyPairAnswer,
  KeyPairInfo,
  TagSpecification,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { KeyPair } from "../../model/key-pair.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { type FilterFields, filtered } from "../kit/describe.ts";
import { found } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { tagList, tagsFor } from "../kit/tags.ts";
import {
  createdKey,
  importedFingerprint,
  openSshLine,
  parsePublicKey,
  type PublicKey,
} from "./key-pair-format.ts";

/** Creates a key pair. The private key is only in the answer; Genkan does not keep it. */
const CreateKeyPair: Action<CreateKeyPairRequest, KeyPairAnswer> = (tx, input, context) => {
  const name = newName(tx, input.KeyName);
  const keyType: string = input.KeyType ?? "rsa";
  if (keyType !== "rsa" && keyType !== "ed25519") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${keyType}) for parameter KeyType is invalid. Valid values: rsa, ed25519.`,
    );
  }
  const format: string = input.KeyFormat ?? "pem";
  if (format !== "pem")
    throw new Fault("UnsupportedOperation", `Genkan does not offer the key format ${format}.`);
  if (!context.generateKeyPair)
    throw new Fault("UnsupportedOperation", "Genkan cannot make keys here; import one with ImportKeyPair.");
  const { publicKey, fingerprint, material } = createdKey(
    context.generateKeyPair(keyType),
    context.random.hex(8),
  );
  const pair = putKeyPair(
    tx,
    { name, publicKey, fingerprint, specifications: input.TagSpecifications },
    context,
  );
  return { ...described(pair), KeyMaterial: material };
};

const ImportKeyPair: Action<ImportKeyPairRequest, ImportKeyPairResult> = (tx, input, context) => {
  const name = newName(tx, input.KeyName);
  const material = required<Uint8Array>(input.PublicKeyMaterial, "PublicKeyMaterial");
  const publicKey = parsePublicKey(Buffer.from(material).toString("latin1"));
  if (!publicKey) throw new Fault("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
  const fingerprint = importedFingerprint(publicKey);
  return described(
    putKeyPair(tx, { name, publicKey, fingerprint, specifications: input.TagSpecifications }, context),
  );
};

const MAX_NAME_LENGTH = 255;

function newName(tx: Reader, text: string | undefined): string {
  const name = required(text, "KeyName");
  if (name.length > MAX_NAME_LENGTH || !/^[\x20-\x7e]+$/.test(name) || name.trim() !== name) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${name}) for parameter KeyName is invalid. Up to 255 ASCII characters.`,
    );
  }
  if (tx.countBy("key-pair", "name", name) > 0)
    throw new Fault("InvalidKeyPair.Duplicate", `The keypair '${name}' already exists.`);
  return name;
}

type NewKeyPair = {
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly fingerprint: string;
  readonly specifications: readonly TagSpecification[] | undefined;
};

function putKeyPair(
  tx: Tx,
  { name, publicKey, fingerprint, specifications }: NewKeyPair,
  context: Context,
): KeyPair {
  const pair: KeyPair = {
    kind: "key-pair",
    id: newId("key-pair", context.random),
    tags: tagsFor("key-pair", specifications, context.quotas),
    name,
    fingerprint,
    keyType: publicKey.keyType,
    publicKey: openSshLine(publicKey, name),
    createTime: context.now,
  };
  tx.put(pair);
  return pair;
}

function described(pair: KeyPair): Pick<KeyPairInfo, "KeyFingerprint" | "KeyName" | "KeyPairId" | "Tags"> {
  return {
    KeyFingerprint: pair.fingerprint,
    KeyName: pair.name,
    KeyPairId: pair.id,
    Tags: tagList(pair.tags),
  };
}

const DescribeKeyPairs: Action<DescribeKeyPairsRequest, DescribeKeyPairsResult> = (tx, input) => ({
  KeyPairs: filtered(chosenPairs(tx, input), input.Filters, FIELDS).map((pair) => ({
    ...described(pair),
    KeyType: pair.keyType,
    CreateTime: new Date(pair.createTime),
    ...(input.IncludePublicKey === true ? { PublicKey: pair.publicKey } : {}),
  })),
});

/** @throws InvalidKeyPair.NotFound for a name or id that no key pair has. */
function chosenPairs(
  tx: Reader,
  { KeyNames: names = [], KeyPairIds: ids = [] }: DescribeKeyPairsRequest,
): readonly KeyPair[] {
  if (names.length === 0 && ids.length === 0) return tx.list("key-pair");
  const byName = names.map((name) => found(tx.by("key-pair", "name", name)[0], "key-pair", name));
  const byId = ids.map((id) => found(tx.get("key-pair", id), "key-pair-id", id));
  return [...new Set([...byName, ...byId])];
}

const FIELDS: FilterFields<KeyPair> = {
  fingerprint: (pair) => pair.fingerprint,
  "key-name": (pair) => pair.name,
  "key-pair-id": (pair) => pair.id,
};

/** Deleting what is not there succeeds as well. */
const DeleteKeyPair: Action<DeleteKeyPairRequest, DeleteKeyPairResult> = (
  tx,
  { KeyName: name, KeyPairId: id },
) => {
  if (!name && !id)
    throw new Fault("MissingParameter", "The request must contain the parameter KeyName or KeyPairId");
  const pair = id ? tx.get("key-pair", id) : tx.by("key-pair", "name", name ?? "")[0];
  if (!pair) return { Return: true };
  tx.delete("key-pair", pair.id);
  return { Return: true, KeyPairId: pair.id };
};

export const keyPairActions = { CreateKeyPair, ImportKeyPair, DescribeKeyPairs, DeleteKeyPair };
