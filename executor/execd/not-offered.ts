import { sendJson } from './answers';
import { Refusal } from './refusal';
import type { RouteTable } from './router';

/** What other servers of this API have, and ours does not. */
export const notOfferedRoutes: RouteTable = {
  '/v1/isolated/capabilities': {
    GET: ({ response }) => sendJson(response, { available: false, message: 'sandboxes within this sandbox are not offered' }),
  },
  '/v1/isolated/{path*}': {
    ANY: () => {
      throw new Refusal(501, 'NOT_SUPPORTED', 'sandboxes within the sandbox: not offered by this sandbox');
    },
  },
};
