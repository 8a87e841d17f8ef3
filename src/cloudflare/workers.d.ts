/** The part of the runtime's own module that is used. Its full types would hide the DOM's. */
declare module "cloudflare:workers" {
  export const DurableObject: new (
    ctx: never,
    env: never,
  ) => { readonly __DURABLE_OBJECT_BRAND: never };
}
