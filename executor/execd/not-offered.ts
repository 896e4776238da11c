import { sendJson } from './answers';
import { Refusal } from './refusal';
import type { Route, RouteTable } from './router';

const notOffered =
  (what: string): Route =>
  () => {
    throw new Refusal(501, 'NOT_SUPPORTED', `${what}: not offered by this sandbox`);
  };

/** What other servers of this API have, and ours does not. */
export const notOfferedRoutes: RouteTable = {
  '/code/context': { POST: notOffered('code contexts') },
  '/code/contexts': { GET: notOffered('code contexts'), DELETE: notOffered('code contexts') },
  '/code/contexts/{id}': { GET: notOffered('code contexts'), DELETE: notOffered('code contexts') },
  '/v1/isolated/capabilities': {
    GET: ({ response }) => sendJson(response, { available: false, message: 'sandboxes within this sandbox are not offered' }),
  },
  '/v1/isolated/{path*}': { ANY: notOffered('sandboxes within the sandbox') },
};
