/** Configuration of a server that is a gateway too, with a key that signs routes. */
export const gateway = (mode: string, address: string) =>
  `[ingress]\nmode = "gateway"\n[ingress.gateway]\naddress = "${address}"\n[ingress.gateway.route]\nmode = "${mode}"\n` +
  '[ingress.secure_access]\nactive_key = "a"\n[[ingress.secure_access.keys]]\nkey_id = "a"\nkey = "c2VjcmV0"\n';
