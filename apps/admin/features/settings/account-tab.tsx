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
import { useSession } from '../session/use-session.ts'
import { ChangePasswordForm } from './change-password-form.tsx'
import { SessionsTable } from './sessions-table.tsx'

/** What everybody has: who he is here, his password, and where he is signed in. */
export function AccountTab() {
  const session = useSession()
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
            <Content component="p">
              {session.role === 'owner'
                ? 'The first owner signs in with a code of the recovery kit: “Use a recovery code” on the sign-in page. Each code works once.'
                : 'An owner, a security officer or the helpdesk sets a new one for you; you choose your own when you next sign in.'}
            </Content>
          </CardBody>
        </Card>
      </StackItem>
    </Stack>
  )
}
