'use client'

import { roleTitles } from '@holdfast/api/contract/policy'
import {
  Card,
  CardBody,
  CardTitle,
  Content,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
  Stack,
  StackItem,
} from '@patternfly/react-core'
import { RenewCodes } from '../recovery/renew-codes.tsx'
import { useAllowed, useSession } from '../session/use-session.ts'
import { ChangePasswordForm } from './change-password-form.tsx'
import { SessionsTable } from './sessions-table.tsx'

/** What everybody has: who he is here, his password, and where he is signed in. */
export function AccountTab() {
  const session = useSession()
  const may = useAllowed()
  const facts = [
    ['Name', session.displayName],
    ['Signs in as', session.name],
    ['Role', roleTitles[session.role]],
  ] as const
  return (
    <Stack hasGutter>
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">You</CardTitle>
          <CardBody>
            <DescriptionList
              isCompact
              isHorizontal
              className="hf-facts"
              horizontalTermWidthModifier={{ default: '8rem' }}
            >
              {facts.map(([term, value]) => (
                <DescriptionListGroup key={term}>
                  <DescriptionListTerm>{term}</DescriptionListTerm>
                  <DescriptionListDescription>{value}</DescriptionListDescription>
                </DescriptionListGroup>
              ))}
            </DescriptionList>
          </CardBody>
        </Card>
      </StackItem>
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">Password</CardTitle>
          <CardBody>
            <ChangePasswordForm />
          </CardBody>
        </Card>
      </StackItem>
      <StackItem>
        <Card>
          <CardTitle component="h2">Where you are signed in</CardTitle>
          <CardBody>
            <SessionsTable />
          </CardBody>
        </Card>
      </StackItem>
      <StackItem>
        <Card className="hf-form-card">
          <CardTitle component="h2">If you forget your password</CardTitle>
          <CardBody>
            {may('auth.renewRecoveryCodes') ? (
              <RenewCodes />
            ) : (
              <Content component="p">
                An owner, a security officer or the helpdesk sets a new one for you; you choose your own when
                you next sign in.
              </Content>
            )}
          </CardBody>
        </Card>
      </StackItem>
    </Stack>
  )
}
