/** An image that a user made known. */
export type ImageAnswer = {
  readonly region: string;
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly architecture: string;
};
export type ImagesAnswer = { readonly images: readonly ImageAnswer[] };
