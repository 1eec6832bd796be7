"""HTTP door: identities, tokens, systems, policy."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from events.access import hash_of, new_token
from schemas.compliance import (
    AccessRequest,
    ConnectSystem,
    CreateToken,
    DisconnectSystem,
    EraseClient,
    GrantAccess,
    Identity,
    PolicyReply,
    PolicyRequest,
    RevokeAccess,
    RevokeToken,
    SystemRequest,
    TokenReply,
    TokenRequest,
    TokenSeen,
)
from schemas.vocabulary import Role, SystemName
from services.compliance.commands import (
    connect_system,
    create_token,
    disconnect_system,
    erase_client,
    grant_access,
    publish_policy,
    revoke_access,
    revoke_token,
)
from services.compliance.queries import identities, policy_reply, tokens
from services.door import Asking, Reply, may, problem, unmet

routes = APIRouter()


@routes.get("/clinics/{clinic}/identities", summary="Everybody with a role or a name here")
async def get_identities(ask: Annotated[Asking, may("revoke_access")]) -> tuple[Identity, ...]:
    async with ask.reading("compliance") as view:
        return await identities(view)


@routes.post("/clinics/{clinic}/identities", status_code=201, summary="Give an identity a role, and perhaps a name")
async def post_identity(body: GrantAccess, ask: Annotated[Asking, may("grant_access")]) -> Reply:
    return await ask.decide("compliance", grant_access, body)


@routes.post("/clinics/{clinic}/identities/{identity_id}/grants", status_code=201, summary="Give a known identity another role")
async def post_grant(identity_id: UUID, body: AccessRequest, ask: Annotated[Asking, may("grant_access")]) -> Reply:
    return await ask.decide("compliance", grant_access, GrantAccess(identity_id=identity_id, **body.model_dump()))


@routes.delete("/clinics/{clinic}/identities/{identity_id}/grants/{role}", summary="Take a role away")
async def delete_grant(identity_id: UUID, role: Role, ask: Annotated[Asking, may("revoke_access")]) -> Reply:
    return await ask.decide("compliance", revoke_access, RevokeAccess(identity_id=identity_id, role=role))


@routes.get("/clinics/{clinic}/tokens", summary="Every token of this clinic, without its secret")
async def get_tokens(ask: Annotated[Asking, may("revoke_access")]) -> tuple[TokenSeen, ...]:
    async with ask.reading("compliance") as view:
        return await tokens(view)


@routes.post("/clinics/{clinic}/tokens", status_code=201, summary="Make a token; its secret is shown this once")
async def post_token(body: TokenRequest, ask: Annotated[Asking, may("create_token")]) -> TokenReply:
    """A repeated Idempotency-Key is refused (`id_reused`): the secret of the first answer is nowhere any more.

    Whoever lost it makes another one and revokes the first.
    """
    token = new_token()
    reply = await ask.decide("compliance", create_token, CreateToken(token_hash=hash_of(token).hex(), **body.model_dump()))
    return TokenReply(token_id=UUID(reply.data["token_id"]), identity_id=body.identity_id, token=token, expires_at=body.expires_at)


@routes.delete("/clinics/{clinic}/tokens/{token_id}", summary="A token opens nothing any more")
async def delete_token(token_id: UUID, ask: Annotated[Asking, may("revoke_access")]) -> Reply:
    return await ask.decide("compliance", revoke_token, RevokeToken(token_id=token_id))


@routes.post("/clinics/{clinic}/systems/{system}", status_code=201, summary="Connect a front-desk system: it gets an inbox")
async def post_system(system: Annotated[SystemName, Path()], body: SystemRequest, ask: Annotated[Asking, may("create_token")]) -> Reply:
    return await ask.decide("compliance", connect_system, ConnectSystem(system=system, identity_id=body.identity_id))


@routes.delete("/clinics/{clinic}/systems/{system}", summary="Disconnect a front-desk system")
async def delete_system(system: Annotated[SystemName, Path()], ask: Annotated[Asking, may("create_token")]) -> Reply:
    return await ask.decide("compliance", disconnect_system, DisconnectSystem(system=system))


@routes.get("/clinics/{clinic}/policy", summary="The policy in force, and where each number comes from")
async def get_policy(ask: Annotated[Asking, may("view_policy")]) -> PolicyReply:
    async with ask.reading("compliance") as view:
        policy = await policy_reply(view)
    if policy is None:
        raise problem(404, "unknown", "Not found", unmet("policy_must_be_published"))
    return policy


@routes.put("/clinics/{clinic}/policy", status_code=201, summary="Publish the next version of the policy")
async def put_policy(body: PolicyRequest, ask: Annotated[Asking, may("publish_policy")]) -> Reply:
    return await ask.decide("compliance", publish_policy, body)


@routes.delete("/clinics/{clinic}/clients/{client_id}", summary="Erase a client's personal data, where no law keeps it")
async def delete_client(client_id: UUID, ask: Annotated[Asking, may("erase_client")]) -> Reply:
    """The ledger keeps ids, codes and verdicts, and its chain; names, contacts, answers and signatures go. The request and
    its answer are recorded either way: a refusal names each kind of record and until when it is kept.
    """
    return await ask.decide("compliance", erase_client, EraseClient(client_id=client_id))
