"""The schema of secrets, and of how a provider is shown who pays."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from extproc.config.values import (
    AWS_PROFILE,
    AWS_STATIC,
    GOOGLE,
    MAPPING,
    SECRET,
    Keys,
    Text,
    by_shape_of_credential,
    one_of,
)


class SecretFileKeys(Keys):
    file: str = Field(description="A file with the secret; watched, so it can rotate.")


SecretKeys = Annotated[Text | Annotated[SecretFileKeys, Tag(MAPPING)], one_of("a secret or {file: PATH}")]
SentAs = Literal["key", "bearer"]
_SENT_AS = "`bearer`: as `Authorization: Bearer`, for tokens. Left out: as the dialect's own keys are."


class CredentialFileKeys(SecretFileKeys):
    sent_as: SentAs = Field("key", alias="as", description=_SENT_AS)


class CredentialValueKeys(Keys):
    value: str = Field(description="The secret.")
    sent_as: SentAs = Field("key", alias="as", description=_SENT_AS)


class AwsProfileKeys(Keys):
    aws: str = Field(description="A profile of the AWS credentials file, or `default` for AWS's own provider chain.")


class AwsStaticKeys(Keys):
    access_key_id: SecretKeys = Field(description="AWS access key id.")
    secret_access_key: SecretKeys = Field(description="AWS secret access key.")
    session_token: SecretKeys | None = Field(None, description="Of temporary AWS credentials.")


class GoogleKeys(Keys):
    google: str = Field(description="Not landed: `default`, or a service account file.")


CredentialKeys = Annotated[
    Text
    | Annotated[CredentialFileKeys, Tag(MAPPING)]
    | Annotated[CredentialValueKeys, Tag(SECRET)]
    | Annotated[AwsProfileKeys, Tag(AWS_PROFILE)]
    | Annotated[AwsStaticKeys, Tag(AWS_STATIC)]
    | Annotated[GoogleKeys, Tag(GOOGLE)],
    one_of("a secret, {file: PATH} or `caller`", by_shape_of_credential),
]
