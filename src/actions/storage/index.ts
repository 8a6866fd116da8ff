import { imageAttributeActions } from "./image-attribute.ts";
import { imageCreateActions } from "./image-create.ts";
import { imageActions } from "./image.ts";
import { snapshotAttributeActions } from "./snapshot-attribute.ts";
import { snapshotCreateActions } from "./snapshot-create.ts";
import { snapshotActions } from "./snapshot.ts";
import { volumeAttachmentActions } from "./volume-attachment.ts";
import { volumeCreateActions } from "./volume-create.ts";
import { volumeDescribeActions } from "./volume-describe.ts";
import { volumeModifyActions } from "./volume-modify.ts";

/** Volumes, snapshots and images. */
export const STORAGE_NOUNS = [
  imageActions,
  imageCreateActions,
  imageAttributeActions,
  volumeCreateActions,
  volumeAttachmentActions,
  volumeModifyActions,
  volumeDescribeActions,
  snapshotActions,
  snapshotCreateActions,
  snapshotAttributeActions,
] as const;
