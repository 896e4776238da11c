/** What a client needs to reach a server. */
export interface ServerAccess {
  readonly url: string;
  readonly token: string;
  /** Certificate of the authority, as PEM. */
  readonly ca: string;
}

/** Name of the cluster, the user and the context in a kubeconfig of ours. */
const CONTEXT_NAME = 'sandboxes';

/** A kubeconfig, as JSON, which is YAML too; `namespace` is the default one of its context. */
export function renderKubeconfig({ url, token, ca }: ServerAccess, namespace = 'default'): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: CONTEXT_NAME, cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: CONTEXT_NAME, user: { token } }],
    contexts: [{ name: CONTEXT_NAME, context: { cluster: CONTEXT_NAME, user: CONTEXT_NAME, namespace } }],
    'current-context': CONTEXT_NAME,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
