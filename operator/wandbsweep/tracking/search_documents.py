"""The GraphQL texts of a search: what it asks about the runs of its sweep, and what it writes into runs."""

ALIVE_AT_MOST = 1000
"""Of a sweep with more runs alive than this, the rest is counted all the same."""

LOOK = f"""
query SearchLook(
    $entity: String!, $project: String!, $sweep: String!, $all: JSONString, $failed: JSONString, $alive: JSONString
) {{
    project(name: $project, entityName: $entity) {{
        sweep(sweepName: $sweep) {{ state }}
        total: runCount(filters: $all)
        failed: runCount(filters: $failed)
        alive: runs(filters: $alive, first: {ALIVE_AT_MOST}) {{ edges {{ node {{ name state }} }} }}
    }}
}}
"""

RUNS = """
query SearchRuns($entity: String!, $project: String!, $filters: JSONString, $first: Int, $cursor: String) {
    project(name: $project, entityName: $entity) {
        runs(filters: $filters, first: $first, after: $cursor, order: "+created_at") {
            edges { node { name state config summaryMetrics } }
            pageInfo { endCursor hasNextPage }
        }
    }
}
"""

SWEEP = """
query SearchSweep($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { displayName config } }
}
"""

RUN = """
query SearchRun($entity: String!, $project: String!, $run: String!) {
    project(name: $project, entityName: $entity) {
        run(name: $run) { id summaryMetrics tags }
    }
}
"""

WRITE_RESULT = """
mutation UpsertBucket($id: String!, $summary: JSONString, $tags: [String!]) {
    upsertBucket(input: { id: $id, summaryMetrics: $summary, tags: $tags }) { bucket { name } }
}
"""

LIST_TICKETS = """
query SearchTickets($entity: String!, $project: String!, $filters: JSONString) {
    project(name: $project, entityName: $entity) {
        runs(filters: $filters, first: 100) { edges { node { id name config } } }
    }
}
"""

INSERT_TICKET = """
mutation UpsertBucket($entity: String!, $project: String!, $run: String!, $group: String, $jobType: String) {
    upsertBucket(input: {
        entityName: $entity, modelName: $project, name: $run, groupName: $group, jobType: $jobType
    }) { bucket { id } inserted }
}
"""

WRITE_TICKET = """
mutation UpsertBucket($id: String!, $config: JSONString) {
    upsertBucket(input: { id: $id, config: $config }) { bucket { name } }
}
"""

DELETE_TICKET = "mutation DeleteRun($id: ID!) { deleteRun(input: { id: $id }) { clientMutationId } }"
