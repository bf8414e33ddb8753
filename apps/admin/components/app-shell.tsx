'use client'

import {
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadLogo,
  MastheadMain,
  MastheadToggle,
  Nav,
  NavGroup,
  NavItem,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
} from '@patternfly/react-core'
import type { ComponentType, ReactNode } from 'react'
import { BrandName } from './brand.tsx'
import { ThemeToggle } from './theme-toggle.tsx'

export interface NavEntry {
  path: string
  title: string
  icon: ComponentType
  isActive: boolean
}

interface AppShellProps {
  groups: { title: string; entries: NavEntry[] }[]
  homePath: string
  /** Facility and node, so that nobody mistakes one installation for another. */
  place: ReactNode
  userMenu: ReactNode
  /** Follows a link without loading the program anew. */
  onNavigate: (path: string) => void
  banner?: ReactNode
  children: ReactNode
}

const mainId = 'main-content'

/** Masthead, navigation and the place for a page. */
export function AppShell({ groups, homePath, place, userMenu, onNavigate, banner, children }: AppShellProps) {
  const masthead = (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton isHamburgerButton aria-label="Navigation" />
        </MastheadToggle>
        <MastheadBrand>
          <MastheadLogo
            component="a"
            href={homePath}
            onClick={(event) => {
              event.preventDefault()
              onNavigate(homePath)
            }}
          >
            <BrandName />
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="hf-masthead">
          <div className="hf-place">{place}</div>
          <div className="hf-masthead-theme">
            <ThemeToggle />
          </div>
          {userMenu}
        </div>
      </MastheadContent>
    </Masthead>
  )
  const sidebar = (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Pages">
          {groups.map((group) => (
            <NavGroup key={group.title} title={group.title}>
              {group.entries.map((entry) => (
                <NavItem
                  key={entry.path}
                  itemId={entry.path}
                  isActive={entry.isActive}
                  to={entry.path}
                  preventDefault
                  icon={<entry.icon />}
                  onClick={() => onNavigate(entry.path)}
                >
                  {entry.title}
                </NavItem>
              ))}
            </NavGroup>
          ))}
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  )
  return (
    <Page
      masthead={masthead}
      sidebar={sidebar}
      isManagedSidebar
      isContentFilled
      mainContainerId={mainId}
      mainTabIndex={-1}
      skipToContent={<SkipToContent href={`#${mainId}`}>Skip to the page</SkipToContent>}
      banner={banner}
    >
      {children}
    </Page>
  )
}
