import { ApiObject, type ApiObjectProps, JsonPatch } from 'cdk8s';
import { type Construct } from 'constructs';

/** An object without a namespace; cdk8s would give it the namespace of its chart. */
export function clusterObject(scope: Construct, id: string, props: ApiObjectProps): ApiObject {
  const object = new ApiObject(scope, id, props);
  if (object.metadata.namespace !== undefined) {
    object.addJsonPatch(JsonPatch.remove('/metadata/namespace'));
  }
  return object;
}
