"""The GraphQL texts that are sent as they stand, with the fields that the SDK asks for in the same places."""

CREATE_SWEEP = """
mutation UpsertSweep($config: String, $description: String, $entityName: String, $projectName: String) {
    upsertSweep(input: {
        config: $config,
        description: $description,
        entityName: $entityName,
        projectName: $projectName
    }) {
        sweep {
            name
            project { name entity { name } }
        }
        configValidationWarnings
    }
}
"""

LIST_SWEEPS = """
query GetSweeps($entity: String!, $project: String!, $cursor: String, $perPage: Int) {
    project(name: $project, entityName: $entity) {
        sweeps(after: $cursor, first: $perPage) {
            pageInfo { endCursor hasNextPage }
            edges { node { name description config } }
        }
    }
}
"""

LOOK_AT_SWEEP = """
query GetSweepState($entity: String, $project: String, $sweep: String!) {
    project(name: $project, entityName: $entity) {
        sweep(sweepName: $sweep) { id state config }
    }
}
"""

SET_SWEEP_STATE = """
mutation UpsertSweep($id: ID, $state: String, $entityName: String, $projectName: String) {
    upsertSweep(input: { id: $id, state: $state, entityName: $entityName, projectName: $projectName }) {
        sweep { name }
    }
}
"""

UPDATE_SWEEP = """
mutation UpsertSweep($id: ID, $config: String, $description: String, $entityName: String, $projectName: String) {
    upsertSweep(input: {
        id: $id,
        config: $config,
        description: $description,
        entityName: $entityName,
        projectName: $projectName
    }) {
        sweep { name }
        configValidationWarnings
    }
}
"""

TAG_RUN = """
mutation UpsertBucket($id: String!, $tags: [String!]) {
    upsertBucket(input: { id: $id, tags: $tags }) {
        bucket { name }
    }
}
"""

VIEWER = "query Viewer { viewer { id entity } }"

SERVER_FEATURES = "query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }"
