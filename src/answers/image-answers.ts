import type { Writable } from "node:stream";
import { isKnownRegion } from "../actions/kit/region.ts";
import { addImageAlias, removeImageAlias } from "../actions/storage/image-alias.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { Fault } from "../model/fault.ts";
import type { ImageAlias } from "../model/image-alias.ts";
import type { Realm } from "../model/realm.ts";
import type { Handlers } from "../protocol/handlers.ts";
import type { ImageAnswer } from "../protocol/image.ts";
import { BadQuestion, NotFound } from "../protocol/question.ts";

/** What the command line asks about images. `own`: the account and region of requests that name none. */
export function imageAnswers(
  plane: Pick<ControlPlane, "realms" | "reader" | "run" | "context">,
  own: Realm,
): Pick<Handlers<Writable>, "images" | "aliasImage" | "removeImage"> {
  const realmOf = ({ region = own.region }: Readonly<Record<string, string>>): Realm => {
    // A typing error would make a new one.
    if (!isKnownRegion(region, plane.context(own)))
      throw new BadQuestion(`--region ${region} is no region of yours, nor of AWS's.`);
    return { account: own.account, region };
  };
  return {
    images: () => ({
      images: plane.realms().flatMap((realm) =>
        plane
          .reader(realm)
          .list("image-alias")
          .map((alias) => told(alias, realm)),
      ),
    }),
    aliasImage: async ({ question }) => {
      const realm = realmOf(question);
      const { name = "", id, owner, arch } = question;
      try {
        return told(
          await plane.run(realm, (tx, context) =>
            addImageAlias(tx, { name, id, owner, architecture: arch }, context),
          ),
          realm,
        );
      } catch (error) {
        throw error instanceof Fault ? new BadQuestion(error.message) : error;
      }
    },
    removeImage: async ({ question }) => {
      const realm = realmOf(question);
      try {
        return told(await plane.run(realm, (tx) => removeImageAlias(tx, question["name"] ?? "")), realm);
      } catch (error) {
        throw error instanceof Fault ? new NotFound(error.message) : error;
      }
    },
  };
}

function told({ id, name, ownerId, architecture }: ImageAlias, { region }: Realm): ImageAnswer {
  return { region, id, name, owner: ownerId, architecture };
}
