"""The shapes in which services issue their keys and tokens: one row a shape, and where it is described.

To add a service, add a row: literals of which each of its tokens holds one, and the token's shape as a regular
expression, which matches at least 15 characters without blanks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

GITLEAKS = (
    "https://github.com/gitleaks/gitleaks/blob/b58d3f102cf3a2c84cb7f923d05c25c9b1aed84b/config/gitleaks.toml"
)
SEEN = "2026-11"
"""When each source of the table was last read."""


class TokenShape(NamedTuple):
    """How an issuer writes its tokens.

    ``literals`` are strings of which a text must hold one before ``shape`` is searched. A ``loose`` shape also occurs
    in names and addresses: its part after the prefix must look random. ``source`` is where the shape is described.
    """

    issuer: str
    literals: tuple[str, ...]
    shape: str
    source: str = GITLEAKS
    loose: bool = False


_HEX = "[0-9a-f]"
_UUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

TOKEN_SHAPES: tuple[TokenShape, ...] = (
    # Language models
    TokenShape(
        "OpenAI, Anthropic, OpenRouter and kin",
        ("sk-",),
        r"sk-(?:ant-|proj-|svcacct-|admin-|or-|lf-)?[A-Za-z0-9_\-]{16,}",
        "https://platform.openai.com/docs/api-reference/authentication",
        loose=True,
    ),
    TokenShape(
        "Hugging Face",
        ("hf_", "api_org_"),
        r"(?:hf|api_org)_[A-Za-z0-9]{30,}",
        "https://huggingface.co/docs/hub/security-tokens",
    ),
    TokenShape(
        "NVIDIA", ("nvapi-",), r"nvapi-[A-Za-z0-9_\-]{60,}", "https://build.nvidia.com/settings/api-keys"
    ),
    TokenShape("Replicate", ("r8_",), r"r8_[A-Za-z0-9]{37,40}", "https://replicate.com/docs/reference/http"),
    TokenShape("Groq", ("gsk_",), r"gsk_[A-Za-z0-9]{40,}", "https://console.groq.com/docs/quickstart"),
    TokenShape("xAI", ("xai-",), r"xai-[A-Za-z0-9]{40,}", "https://docs.x.ai/docs/api-reference"),
    TokenShape("Perplexity", ("pplx-",), r"pplx-[A-Za-z0-9]{40,}"),
    TokenShape(
        "Together AI", ("tgp_v1_",), r"tgp_v1_[A-Za-z0-9_\-]{40,}", "https://docs.together.ai/docs/quickstart"
    ),
    TokenShape(
        "Fireworks AI", (), r"fw_[A-Za-z0-9]{22,40}", "https://docs.fireworks.ai/getting-started", loose=True
    ),
    TokenShape("Cerebras", ("csk-",), r"csk-[a-z0-9]{40,}", "https://inference-docs.cerebras.ai/quickstart"),
    TokenShape(
        "ElevenLabs", (), rf"sk_{_HEX}{{48}}", "https://elevenlabs.io/docs/api-reference/authentication"
    ),
    TokenShape(
        "Tavily",
        ("tvly-",),
        r"tvly-(?:dev-|prod-)?[A-Za-z0-9\-]{20,}",
        "https://docs.tavily.com/documentation/quickstart",
        loose=True,
    ),
    TokenShape(
        "LangSmith",
        ("lsv2_",),
        rf"lsv2_(?:pt|sk)_{_HEX}{{32}}_{_HEX}{{10}}",
        "https://docs.smith.langchain.com/administration/how_to_guides/organization_management/create_account_api_key",
    ),
    TokenShape("Langfuse", ("pk-lf-",), rf"pk-lf-{_UUID}", "https://langfuse.com/docs/api"),
    TokenShape(
        "Pinecone",
        ("pcsk_",),
        r"pcsk_[A-Za-z0-9]{4,10}_[A-Za-z0-9]{40,}",
        "https://docs.pinecone.io/guides/projects/manage-api-keys",
    ),
    TokenShape(
        "Weights & Biases",
        ("wandb_v1_",),
        r"wandb_v1_[A-Za-z0-9_]{40,}",
        "https://docs.wandb.ai/platform/app/settings-page/user-settings",
    ),
    TokenShape(
        "Jina AI", ("jina_",), rf"jina_{_HEX}{{32}}[A-Za-z0-9_\-]{{20,}}", "https://jina.ai/embeddings"
    ),
    TokenShape("Firecrawl", ("fc-",), rf"fc-{_HEX}{{32}}", "https://docs.firecrawl.dev/introduction"),
    TokenShape(
        "RunPod", ("rpa_",), r"rpa_[A-Z0-9]{30,}[a-z0-9]{0,10}", "https://docs.runpod.io/get-started/api-keys"
    ),
    TokenShape("Kaggle", ("KGAT_",), rf"KGAT_{_HEX}{{32}}", "https://www.kaggle.com/docs/api"),
    # Clouds
    TokenShape(
        "AWS",
        ("A3T", "AKIA", "ASIA", "ABIA", "ACCA"),
        r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    ),
    TokenShape(
        "AWS Bedrock",
        ("ABSK", "bedrock-api-key-"),
        r"ABSK[A-Za-z0-9+/]{100,}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{28,}={0,2}",
    ),
    TokenShape(
        "Google",
        ("AIza",),
        r"AIza[A-Za-z0-9_\-]{35}",
        "https://cloud.google.com/docs/authentication/api-keys",
    ),
    TokenShape(
        "Google",
        ("GOCSPX-",),
        r"GOCSPX-[A-Za-z0-9_\-]{20,}",
        "https://developers.google.com/identity/protocols/oauth2",
    ),
    TokenShape(
        "Google",
        ("ya29.",),
        r"ya29\.[A-Za-z0-9_\-]{20,}",
        "https://developers.google.com/identity/protocols/oauth2",
    ),
    TokenShape(
        "Google",
        ("1//0",),
        r"1//0[A-Za-z0-9_\-]{40,}",
        "https://developers.google.com/identity/protocols/oauth2",
    ),
    TokenShape("Microsoft Entra", ("Q~",), r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}"),
    TokenShape(
        "Cloudflare",
        ("cfut_", "cfat_", "cfk_"),
        r"cf(?:ut|at|k)_[A-Za-z0-9]{40,56}",
        "https://developers.cloudflare.com/fundamentals/api/get-started/token-formats",
    ),
    TokenShape("Cloudflare origin CA", ("v1.0-",), rf"v1\.0-{_HEX}{{24}}-{_HEX}{{146}}"),
    TokenShape("DigitalOcean", ("dop_v1_", "doo_v1_", "dor_v1_"), rf"do[opr]_v1_{_HEX}{{64}}"),
    TokenShape("Alibaba Cloud", ("LTAI",), r"LTAI[A-Za-z0-9]{12,20}(?![A-Za-z0-9])"),
    TokenShape("Heroku", ("HRKU-",), rf"HRKU-(?:AA[A-Za-z0-9_\-]{{58}}|{_UUID})"),
    TokenShape(
        "Fly.io",
        ("fo1_", "fm1a_", "fm1r_", "fm2_"),
        r"fo1_[A-Za-z0-9_\-]{43}|fm(?:1[ar]|2)_[A-Za-z0-9+/]{100,}={0,3}",
    ),
    TokenShape(
        "Vercel",
        ("vcp_", "vci_", "vca_", "vcr_", "vck_"),
        r"vc[piark]_[A-Za-z0-9]{24,80}",
        "https://vercel.com/docs/sign-in-with-vercel/tokens",
    ),
    TokenShape("Netlify", ("nfp_",), r"nfp_[A-Za-z0-9]{36,}", "https://docs.netlify.com/api/get-started"),
    TokenShape("Render", ("rnd_",), r"rnd_[A-Za-z0-9]{28,}", "https://render.com/docs/api"),
    TokenShape(
        "Supabase",
        ("sbp_", "sb_secret_"),
        rf"sbp_{_HEX}{{40}}|sb_secret_[A-Za-z0-9_\-]{{24,}}",
        "https://supabase.com/docs/guides/api/api-keys",
    ),
    TokenShape("Neon", ("napi_",), r"napi_[a-z0-9]{60,}", "https://neon.com/docs/manage/api-keys"),
    TokenShape(
        "MongoDB Atlas",
        ("mdb_sa_sk_",),
        r"mdb_sa_sk_[A-Za-z0-9_\-]{30,}",
        "https://www.mongodb.com/docs/atlas/api/service-accounts-overview",
    ),
    TokenShape("PlanetScale", ("pscale_",), r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_=.\-]{32,64}"),
    TokenShape("Databricks", (), rf"(?:dapi|dose){_HEX}{{32}}(?:-[0-9])?(?![0-9A-Za-z])"),
    TokenShape("Snowflake or ClickHouse Cloud", ("4b1d",), r"4b1d[A-Za-z0-9]{38}(?![A-Za-z0-9])"),
    TokenShape("Scaleway or Scalingo", ("tk-us-",), r"tk-us-[A-Za-z0-9_\-]{48}"),
    # Code and delivery
    TokenShape(
        "GitHub",
        tuple(f"gh{kind}_" for kind in "oprsu"),
        r"gh[oprsu]_[A-Za-z0-9]{30,}",
        "https://github.blog/engineering/behind-githubs-new-authentication-token-formats",
    ),
    TokenShape("GitHub", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{30,}"),
    TokenShape(
        "GitLab",
        tuple(
            f"gl{kind}-"
            for kind in ("pat", "ptt", "dt", "rt", "cbt", "ft", "ffct", "oas", "soat", "agent", "imt")
        ),
        r"gl(?:pat|ptt|dt|rt|cbt|ft|ffct|oas|soat|agent|imt)-[A-Za-z0-9_\-.]{18,}",
        "https://docs.gitlab.com/security/tokens",
        loose=True,
    ),
    TokenShape("GitLab", ("GR1348941",), r"GR1348941[A-Za-z0-9_\-]{20}"),
    TokenShape(
        "Atlassian",
        ("ATATT3x", "ATCTT3x"),
        r"AT[AC]TT3x[A-Za-z0-9_\-=.]{40,}",
        "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account",
    ),
    TokenShape(
        "Bitbucket",
        ("ATBB",),
        r"ATBB[A-Za-z0-9]{28,}",
        "https://support.atlassian.com/bitbucket-cloud/docs/app-passwords",
    ),
    TokenShape("npm", ("npm_",), r"npm_[A-Za-z0-9]{36}"),
    TokenShape(
        "PyPI",
        ("pypi-",),
        r"pypi-[A-Za-z0-9_\-]{40,}",
        "https://docs.pypi.org/project-management/api-tokens",
        loose=True,
    ),
    TokenShape("RubyGems", ("rubygems_",), rf"rubygems_{_HEX}{{48}}"),
    TokenShape(
        "crates.io",
        (),
        r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])",
        "https://doc.rust-lang.org/cargo/reference/registries.html",
        loose=True,
    ),
    TokenShape("Clojars", ("CLOJARS_",), r"CLOJARS_[a-z0-9]{60}"),
    TokenShape(
        "Docker",
        ("dckr_pat_", "dckr_oat_"),
        r"dckr_[po]at_[A-Za-z0-9_\-]{20,}",
        "https://docs.docker.com/security/access-tokens",
    ),
    TokenShape("JFrog", ("AKCp", "cmVmd"), r"AKCp[A-Za-z0-9]{69}|cmVmd[A-Za-z0-9]{59}"),
    TokenShape(
        "CircleCI",
        ("CCIPAT_", "CCIPRJ_"),
        r"CCIP(?:AT|RJ)_[A-Za-z0-9]{20,}_[A-Za-z0-9]{40}",
        "https://circleci.com/docs/managing-api-tokens",
    ),
    TokenShape(
        "Buildkite", ("bkua_",), rf"bkua_{_HEX}{{40}}", "https://buildkite.com/docs/apis/managing-api-tokens"
    ),
    TokenShape(
        "SonarQube",
        ("squ_", "sqp_", "sqa_"),
        rf"sq[upa]_{_HEX}{{40}}",
        "https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens",
    ),
    TokenShape("Sourcegraph", ("sgp_",), rf"sgp_(?:(?:{_HEX}{{16}}|local)_)?{_HEX}{{40}}"),
    TokenShape("Terraform Cloud", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9\-_=]{60,70}"),
    TokenShape("Pulumi", ("pul-",), rf"pul-{_HEX}{{40}}"),
    TokenShape("Doppler", (), r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9\-_]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    TokenShape(
        "HashiCorp Vault",
        ("hvs.", "hvb.", "hvr."),
        r"hv[sbr]\.[A-Za-z0-9_\-]{24,300}",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens",
    ),
    TokenShape("1Password", ("ops_eyJ",), r"ops_eyJ[A-Za-z0-9+/_\-]{100,}={0,3}"),
    TokenShape(
        "1Password",
        ("A3-",),
        r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    ),
    TokenShape(
        "Tailscale",
        ("tskey-",),
        r"tskey-(?:api|auth|client|scim|webhook)-[A-Za-z0-9]{6,}-[A-Za-z0-9]{20,}",
        "https://tailscale.com/kb/1277/key-prefixes",
    ),
    TokenShape(
        "age",
        ("AGE-SECRET-KEY-",),
        r"AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58,}",
        "https://age-encryption.org/v1",
    ),
    TokenShape("OpenShift", ("sha256~",), r"sha256~[A-Za-z0-9_\-]{43}"),
    TokenShape("Octopus Deploy", (), r"API-[A-Z0-9]{26}(?![A-Za-z0-9])", loose=True),
    TokenShape("Deno", ("ddp_", "ddw_"), r"dd[pw]_[A-Za-z0-9]{36}", "https://docs.deno.com/deploy/manual/ci"),
    # Monitoring
    TokenShape("Sentry", ("sntrys_", "sntryu_"), rf"sntryu_{_HEX}{{64}}|sntrys_eyJ[A-Za-z0-9+/=_]{{60,}}"),
    TokenShape(
        "Grafana", ("glc_", "glsa_"), r"glc_[A-Za-z0-9+/]{32,400}={0,3}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"
    ),
    TokenShape("Dynatrace", ("dt0c01.", "dt0s"), r"dt0[cs][0-9]{2}\.[A-Za-z0-9]{8,24}\.[A-Za-z0-9]{64}"),
    TokenShape(
        "New Relic",
        ("NRAK-", "NRJS-", "NRII-"),
        r"NR(?:AK|JS|II)-[A-Za-z0-9_\-]{19,40}",
        "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys",
    ),
    TokenShape("PostHog", ("phx_", "phc_"), r"ph[xc]_[A-Za-z0-9]{40,}", "https://posthog.com/docs/api"),
    TokenShape(
        "Honeycomb",
        ("hcaik_", "hcamk_"),
        r"hca[im]k_[a-z0-9]{26,60}",
        "https://docs.honeycomb.io/get-started/configure/environments/manage-api-keys",
    ),
    # Messages and mail
    TokenShape(
        "Slack",
        ("xox",),
        r"xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,}",
        "https://api.slack.com/authentication/token-types",
        loose=True,
    ),
    TokenShape(
        "Slack",
        ("xapp-",),
        r"xapp-[A-Za-z0-9\-]{10,}",
        "https://api.slack.com/authentication/token-types",
        loose=True,
    ),
    TokenShape(
        "Slack", ("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_]{16,}"
    ),
    TokenShape(
        "Microsoft Teams",
        ("webhook.office.com",),
        rf"webhook\.office\.com/webhookb2/{_UUID}@{_UUID}/IncomingWebhook/[A-Za-z0-9]{{32}}/{_UUID}",
    ),
    TokenShape(
        "Discord",
        ("/api/webhooks/",),
        r"(?:discord|discordapp)\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_\-]{60,}",
        "https://discord.com/developers/docs/resources/webhook",
    ),
    TokenShape(
        "Discord",
        (),
        r"(?:mfa\.[A-Za-z0-9_\-]{80,}|[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,38})",
        "https://discord.com/developers/docs/reference#authentication",
    ),
    TokenShape(
        "Telegram",
        (":AA",),
        r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}",
        "https://core.telegram.org/bots/api#authorizing-your-bot",
    ),
    TokenShape("Twilio", (), rf"(?:SK|AC){_HEX}{{32}}(?![0-9A-Za-z])"),
    TokenShape("SendGrid", ("SG.",), r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"),
    TokenShape(
        "Mailgun",
        (),
        rf"(?:pub)?key-{_HEX}{{32}}(?![0-9A-Za-z])",
        "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/api-keys",
    ),
    TokenShape(
        "Mailgun",
        (),
        rf"{_HEX}{{32}}-{_HEX}{{8}}-{_HEX}{{8}}(?![0-9A-Za-z\-])",
        "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/api-keys",
    ),
    TokenShape("Mailchimp", (), rf"{_HEX}{{32}}-us[0-9]{{1,2}}(?![0-9A-Za-z])"),
    TokenShape("Brevo", ("xkeysib-", "xsmtpsib-"), rf"x(?:key|smtp)sib-{_HEX}{{64}}-[A-Za-z0-9]{{16}}"),
    TokenShape(
        "Resend",
        (),
        r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}",
        "https://resend.com/docs/dashboard/api-keys/introduction",
    ),
    # Work and design
    TokenShape("Linear", ("lin_api_", "lin_oauth_"), r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}"),
    TokenShape("Notion", ("ntn_",), r"ntn_[0-9]{11}[A-Za-z0-9]{35}"),
    TokenShape(
        "Notion",
        (),
        r"secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])",
        "https://developers.notion.com/reference/authentication",
    ),
    TokenShape("Airtable", (), rf"pat[A-Za-z0-9]{{14}}\.{_HEX}{{64}}"),
    TokenShape(
        "Figma",
        ("figd_",),
        r"figd_[A-Za-z0-9_\-]{36,}",
        "https://developers.figma.com/docs/rest-api/personal-access-tokens",
    ),
    TokenShape("Postman", ("PMAK-",), rf"PMAK-{_HEX}{{24}}-{_HEX}{{34}}"),
    TokenShape("ReadMe", ("rdme_",), r"rdme_[a-z0-9]{70}"),
    TokenShape(
        "Contentful",
        ("CFPAT-",),
        r"CFPAT-[A-Za-z0-9_\-]{43}",
        "https://www.contentful.com/developers/docs/references/authentication",
    ),
    TokenShape("Typeform", ("tfp_",), r"tfp_[A-Za-z0-9_\-.=]{40,60}"),
    TokenShape("Adobe", ("p8e-",), r"p8e-[A-Za-z0-9]{32}"),
    TokenShape(
        "Mapbox",
        ("sk.eyJ", "pk.eyJ"),
        r"[sp]k\.eyJ[A-Za-z0-9_\-]{40,}\.[A-Za-z0-9_\-]{20,}",
        "https://docs.mapbox.com/help/dive-deeper/access-tokens",
    ),
    TokenShape("Prefect", ("pnu_", "pnb_"), r"pn[ub]_[A-Za-z0-9]{36}"),
    TokenShape(
        "Dropbox", (), r"sl\.(?:u\.)?[A-Za-z0-9_\-]{120,}", "https://developers.dropbox.com/oauth-guide"
    ),
    # Payment and shops
    TokenShape(
        "Stripe, Clerk", ("k_live_", "k_test_", "k_prod_"), r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,}"
    ),
    TokenShape("Stripe", ("whsec_",), r"whsec_[A-Za-z0-9+/=]{20,}", "https://docs.stripe.com/webhooks"),
    TokenShape("Shopify", ("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    TokenShape(
        "Square",
        ("sq0atp-", "sq0csp-", "EAAA"),
        r"sq0(?:atp|csp)-[A-Za-z0-9_\-]{22,60}|EAAA[A-Za-z0-9_\-]{56,60}",
    ),
    TokenShape(
        "PayPal Braintree",
        ("access_token$",),
        rf"access_token\$(?:production|sandbox)\$[0-9a-z]{{16}}\${_HEX}{{32}}",
        "https://developer.paypal.com/braintree/articles/control-panel/important-gateway-credentials",
    ),
    TokenShape("Shippo", ("shippo_",), r"shippo_(?:live|test)_[a-fA-F0-9]{40}"),
    TokenShape("EasyPost", ("EZAK", "EZTK"), r"EZ[AT]K[A-Za-z0-9]{54}"),
    TokenShape("Duffel", ("duffel_",), r"duffel_(?:test|live)_[A-Za-z0-9_\-=]{43}"),
    TokenShape("Flutterwave", ("FLWSECK",), r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,32}(?:-X)?"),
    TokenShape("Meta", ("EAAM", "EAAC", "EAAG"), r"EAA[MCG][A-Za-z0-9]{100,}"),
    # Any issuer
    TokenShape(
        "JSON Web Token",
        ("eyJ",),
        r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",
        "https://www.rfc-editor.org/rfc/rfc7519",
    ),
)


class Searched(NamedTuple):
    """A row of the table, ready to search with."""

    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    loose: bool


SEARCHED: tuple[Searched, ...] = tuple(
    Searched(row.literals, re.compile(rf"(?<![A-Za-z0-9_])(?:{row.shape})"), row.loose)
    for row in TOKEN_SHAPES
)
