import { type CertificateIdentity, cutName, type VerifiedBeacon } from './beacon.ts'
import type { BeaconFields } from './beacon-service.ts'
import type { MdnsAnnouncement } from './mdns.ts'
import { hostName, instanceName, txtRecord } from './mdns-records.ts'
import type { PeerInfo } from './peer-map.ts'

/** Path and version of the client protocol, as the TXT record tells them. */
const CLIENT_PATH = '/client/v1'
const CLIENT_PROTOCOL = '1'

/** Who this node is, as it tells everybody on the network. */
export type DiscoveryIdentity = {
  nodeId: string
  nodeName: string
  facility: string
  siteName?: string
  httpsPort: number
  version: string
  /** SHA-256 of the CA certificate, lower-case hex. */
  caFingerprint: string
}

/** What a verified beacon says, in the peer map's terms. */
export function infoOf(beacon: VerifiedBeacon): PeerInfo {
  return {
    nodeId: beacon.id,
    nodeName: beacon.name,
    facility: beacon.facility,
    ...(beacon.site !== undefined && { siteName: beacon.site }),
    version: beacon.version,
    port: beacon.port,
    addresses: beacon.addresses,
    caFingerprint: beacon.ca,
    certificateFingerprint: beacon.cert,
    keyFingerprint: beacon.keyFingerprint,
  }
}

/** The constant part of this node's beacons; names are cut to 63 bytes. */
export function beaconFields(identity: DiscoveryIdentity, certificate: CertificateIdentity): BeaconFields {
  return {
    id: identity.nodeId,
    name: cutName(identity.nodeName) || identity.nodeId,
    facility: cutName(identity.facility),
    ...(identity.siteName !== undefined && { site: cutName(identity.siteName) }),
    port: identity.httpsPort,
    version: identity.version,
    ca: identity.caFingerprint,
    cert: certificate.certificateFingerprint,
    key: certificate.publicKey,
  }
}

/** This node as a DNS-SD instance. */
export function announcementOf(identity: DiscoveryIdentity, keyFingerprint: string): MdnsAnnouncement {
  return {
    name: instanceName(identity.nodeName, keyFingerprint),
    host: hostName(keyFingerprint),
    port: identity.httpsPort,
    txt: txtRecord({
      id: identity.nodeId,
      facility: cutName(identity.facility),
      version: identity.version,
      ca: identity.caFingerprint,
      key: keyFingerprint,
      path: CLIENT_PATH,
      proto: CLIENT_PROTOCOL,
    }),
  }
}
