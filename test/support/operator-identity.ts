/** Namespace of the operator where tests install it. */
export const OPERATOR_NAMESPACE = 'opensandbox-system';
/** Name of its Deployment, and of its service account. */
export const OPERATOR_NAME = 'opensandbox-controller-manager';
/** User that it is to the API server. */
export const OPERATOR_USER = `system:serviceaccount:${OPERATOR_NAMESPACE}:${OPERATOR_NAME}`;

/** Name of the lifecycle server's Deployment, and of what belongs to it. */
export const SERVER_NAME = 'opensandbox-server';
/** User that it is to the API server. */
export const SERVER_USER = `system:serviceaccount:${OPERATOR_NAMESPACE}:${SERVER_NAME}`;
