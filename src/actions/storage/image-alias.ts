import { createHash } from "node:crypto";
import { Fault } from "../../model/fault.ts";
import type { ImageAlias } from "../../model/image-alias.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import { type Image, imagesOf, unlistedImage } from "./image-catalogue.ts";

export type WantedAlias = {
  readonly name: string;
  /** Without one, an id that follows from region and name. */
  readonly id?: string | undefined;
  /** An account; the caller's when it is left out. */
  readonly owner?: string | undefined;
  readonly architecture?: string | undefined;
};

/**
 * Makes an image known by a name, so that descriptions find it; a name that is known already gets what is
 * new. No operation of EC2.
 * @throws InvalidParameterValue for what AWS would take for no name, id, account or architecture;
 * InvalidAMIName.Duplicate.
 */
export function addImageAlias(
  tx: Tx,
  { name, id, owner, architecture = "x86_64" }: WantedAlias,
  context: Context,
): ImageAlias {
  if (!/^[\w()[\] ./\-'@]{3,128}$/.test(name))
    throw invalid(name, "name: 3 to 128 letters, digits and ()[] ./-'@_");
  const imageId =
    id ?? `ami-${createHash("sha256").update(`${context.region}/${name}`).digest("hex").slice(0, 17)}`;
  if (!/^ami-([0-9a-f]{8}|[0-9a-f]{17})$/.test(imageId))
    throw invalid(imageId, "id: such as ami-0123456789abcdef0");
  if (owner !== undefined && !/^\d{12}$/.test(owner)) throw invalid(owner, "owner: an account's 12 digits");
  if (architecture !== "x86_64" && architecture !== "arm64")
    throw invalid(architecture, "architecture: x86_64 or arm64");
  if (
    [...imagesOf(context.region), ...tx.list("image")].some(
      (image) => image.id === imageId || image.name === name,
    )
  ) {
    throw new Fault("InvalidAMIName.Duplicate", `${name} or ${imageId} is an image that Genkan has already.`);
  }
  for (const other of tx.list("image-alias"))
    if (other.name === name && other.id !== imageId) tx.delete("image-alias", other.id);
  const alias: ImageAlias = {
    kind: "image-alias",
    id: imageId,
    tags: {},
    name,
    ownerId: owner ?? context.account,
    architecture,
    createTime: context.now,
  };
  tx.put(alias);
  return alias;
}

/** By its name or its image's id. @throws InvalidAMIID.NotFound */
export function removeImageAlias(tx: Tx, text: string): ImageAlias {
  const found = tx.list("image-alias").find(({ id, name }) => id === text || name === text);
  if (!found) throw new Fault("InvalidAMIID.NotFound", `No image was made known as ${text}.`);
  tx.delete("image-alias", found.id);
  return found;
}

/** Those that users made known, as images. */
export function aliasedImages(tx: Reader): readonly Image[] {
  return tx.list("image-alias").map(imageOf);
}

function imageOf({ id, name, ownerId, architecture, createTime }: ImageAlias): Image {
  const { ownerAlias: _, ...known } = unlistedImage(id);
  const bootMode = architecture === "arm64" ? "uefi" : "uefi-preferred";
  return {
    ...known,
    name,
    description: "Made known by: genkan image alias",
    ownerId,
    architecture,
    bootMode,
    creationDate: createTime,
  };
}

function invalid(value: string, expected: string): Fault {
  return new Fault("InvalidParameterValue", `Value (${value.slice(0, 200)}) is no ${expected}.`);
}
