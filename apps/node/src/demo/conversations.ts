/**
 * What people say. A line is `speaker[>][!|!!] text`: speakers are letters that become members of the channel, `>`
 * answers the line before, `!` is high priority, `!!` urgent. Words in braces are filled in (wording.ts), equal ones of
 * a conversation alike.
 */
const traffic = [
  [
    'a {vessel} abeam the fairway buoy, ETA pilot station {time}. Draught {draught} m.',
    'b Pilot boat leaves at {time}. Ladder on her starboard side, please.',
    'a> Passed on. She makes {n} knots.',
    'c {tug} and {tug2} ready at the breakwater from {time2}.',
    'a Thanks both.',
  ],
  [
    'a Outbound {vessel} asks for clearance from berth {berth} at {time}.',
    'b {vessel2} is inbound until {time}, after that the turning basin is free.',
    'a> Then {time2} for her. I tell the bridge.',
    'c Lines ashore are manned.',
  ],
  [
    'a Fishing gear reported across the leading line, 0.{n} miles north of buoy 7.',
    'b On our way out with {tug}, we take a look.',
    'b A string of pots, no marker light. Lifted and on deck.',
    'a> Well done. Warning cancelled.',
  ],
  [
    'a Visibility at the mole down to 0.{n} miles, one-way traffic from {time}.',
    'b Copy. {vessel} waits at anchorage Bravo.',
    'c {vessel2} asks how long.',
    'a> Two hours by the forecast, I call her when it lifts.',
  ],
  [
    'a Anchorage Bravo: {vessel} has dragged {n} m since {time}.',
    'b! Called her on channel 14, engine ready in ten minutes.',
    'a She is heaving up and shifts to Charlie.',
    'b> Position good, {n2} shackles out.',
  ],
  ['a Watch handed over to me. {n} vessels in port, {n2} expected, no restrictions.', 'b Good watch.'],
] as const

const pilotage = [
  [
    'a Order: {vessel}, berth {berth} to sea, {time}. Who is free?',
    'b I take her.',
    'a> Yours. Gangway is down at {time}, two tugs are booked.',
  ],
  [
    'a Boarding {vessel}: swell {wave} m at the station, ladder one metre above water, lee on port.',
    'b Noted. Rather outside the banks?',
    'a> No, inside is fine today.',
    'b On board at {time}.',
  ],
  [
    'a {vessel} reports bow thruster at half power. Third tug for berth {berth}?',
    'b Yes, {tug} pushes midships.',
    'c Booked for {time}.',
  ],
  [
    'a Depth at berth {berth} by last week’s sounding: {draught} m at lowest tide.',
    'b So {vessel} goes in on the rising tide, first line {time}.',
    'a> Agreed.',
  ],
  [
    'a Pilot station has hot soup. Whoever comes in from {vessel} brings the tablet back to its charger, please.',
    'b Guilty. Done.',
  ],
] as const

const tugs = [
  [
    'a Order: {vessel} to berth {berth}, {tug} forward, {tug2} aft, {time}.',
    'b {tug2} copies.',
    'c {tug} copies, we finish bunkers first, on station {time2}.',
    'a> Good, she is late anyway.',
  ],
  [
    'a Tow line {n} shows chafe near the eye. Changing it before {vessel}.',
    'b Spare is on the quay, second locker.',
    'a> Found. Ready in 20 minutes.',
  ],
  [
    'a Bunkers {tug}: {n}00 litres, quay 2, barge alongside from {time}.',
    'b No smoking flag is up, hoses tested.',
    'a Finished, sheets are in the office.',
  ],
  ['a {vessel} all fast at berth {berth}, lines let go {time}.', 'b {tug} goes home.', 'a> Thank you, all.'],
  [
    'a Starboard generator of {tug} hunts at low load.',
    'b Bring her to the workshop quay, we have a governor on the shelf.',
    'a> Coming at {time}.',
    'b Fixed. It was the actuator, not the governor.',
  ],
] as const

const berths = [
  [
    'a {vessel} now ETA {time}. Berth {berth} is taken until then, berth {berth2} is free.',
    'b Berth {berth2} has only crane {crane}. How many moves?',
    'a> {n}0 on, {n2}0 off.',
    'b Then {berth2} and we shift her if it drags on.',
  ],
  [
    'a Agent of {vessel} asks for fresh water, {n}0 tonnes.',
    'b Hydrant {berth} is free from {time}.',
    'a> Confirmed to the agent.',
  ],
  [
    'a {vessel} wants to stay one more tide for repairs.',
    'b Possible if {vessel2} goes to berth {berth2}.',
    'c> Fine for the crane side.',
    'a Plan is changed, version {n}.',
  ],
  ['a Waste from {vessel}: {n} m³, contractor comes at {time}.', 'b Gate knows.', 'a Thanks.'],
  [
    'a Fenders at berth {berth}: number 3 hangs on one chain.',
    'b Reported to maintenance, no vessel above 180 m there until it is done.',
    'a> Plan adjusted.',
  ],
] as const

const cranes = [
  [
    'a Crane {crane}: spreader reports twistlock fault, position {n}.',
    'b Reset from the cabin first, please.',
    'a> Reset helps for one lift, then again.',
    'b On my way with a sensor.',
    'a Running since {time}. Thanks!',
  ],
  [
    'a {vessel}: bay {n} done, opening bay {n2} at {time}.',
    'b Stack row {n} is full, next ones to row {n2}.',
    'c> Trucks are told.',
  ],
  [
    'a Reefer {container} shows {n} °C, set point minus 18.',
    'b Which row?',
    'a Row {n2}, tier 2.',
    'b> Plug was loose. Falling again, I look once more at {time}.',
  ],
  [
    'a Wind at the boom {wind} m/s. Crane {crane} stops at 20.',
    'b Storm pins are ready.',
    'a! Stopped at {time}, pins are in.',
    'b Down to {n} m/s, go on.',
  ],
  [
    'a Box {container} has a hole in the roof, seen from above.',
    'b Photographed and set aside for the surveyor.',
  ],
  ['a Crane {crane} greased, brake test good, back in service {time}.', 'b Noted in the book.'],
] as const

const gate = [
  [
    'a Truck {truck} for {container}: seal number differs in the last digit.',
    'b Hold it in lane 4, I come over.',
    'b Typing error in the papers. Corrected and released.',
    'a> Lane is free again.',
  ],
  [
    'a {n} trucks waiting at gate north, mostly for berth {berth}.',
    'b Opening lane 3 now.',
    'a> Queue is down to {n2}.',
  ],
  ['a Customs hold on {container} is lifted.', 'b Thank you. The driver is asleep, I wake him gently.'],
  [
    'a Scanner in lane 2 asks for calibration.',
    'b Take lane 1 until {time}, the technician is informed.',
    'a> It is back.',
  ],
  ['a Visitors for {vessel}: {n} persons, passes are at the kiosk.', 'b All in at {time}.'],
] as const

const security = [
  [
    'a Camera {n} at the fence east is out.',
    'b Looking at it on patrol.',
    'b A gull has moved in. Lens cleaned, gull moved out.',
    'a> Picture is good. Logged.',
  ],
  [
    'a Round finished {time}: {n} doors, one open (store {n2}), locked again.',
    'b> I ask the yard who had the key.',
  ],
  [
    'a Unknown drone above the tank yard, heading west.',
    'b! Police desk is informed at {time}.',
    'c Seen from gate south, gone behind the silo.',
    'a> Report is filed.',
  ],
  ['a Crew change {vessel}: {n} on, {n2} off, papers checked.', 'b Thanks.'],
] as const

const maintenance = [
  [
    'a Pump {n} in the ballast pit trips on overload.',
    'b Permit to work is open, power locked out at {time}.',
    'b Impeller full of rope. Cleared.',
    'a> Restarted, {n2} A, good.',
  ],
  [
    'a Light mast {n} at quay {berth} flickers.',
    'b Driver is on order, I bridge it with the old one tonight.',
    'a> Steady now.',
  ],
  [
    'a Radio repeater on the silo: reflected power {n} %.',
    'b Connector corroded again. Going up when the wind is under 10.',
    'b New connector, 2 %.',
    'a> Thank you, much clearer.',
  ],
  [
    'a UPS of the VTS tower: battery string 2 is at the end of its life.',
    'b Spare string comes with the supply boat on Thursday.',
    'c I plan the change for {time} with the watch.',
  ],
  ['a Backup of node kaldvik-1 copied to the second disk, checked.', 'b Good, into the book please.'],
] as const

const mess = [
  [
    'a Today: fish soup, pea stew, pancakes.',
    'b Any left at {time}?',
    'a> For you always.',
    'c Две порции, пожалуйста 🙂',
  ],
  ['a Who drives towards Nordvik after the late shift?', 'b I do, {time}, one seat.', 'a> Great, takk!'],
  ['a Found: grey wool hat, smells of diesel.', 'b Mine!', 'a> Thought so.'],
  ['a عيد ميلاد سعيد يا {first}! 🎂', 'b Happy birthday!', 'c 生日快乐!', 'd Alles Gute!'],
  [
    'a Coffee machine is out of beans.',
    'b Beans are in the cupboard above it.',
    'a> I see. Coffee machine is in again.',
  ],
] as const

const dredging = [
  [
    'a Skuld works {time} to {time2}, spoil ground B.',
    'b Berth 4 stays closed until the sounding is in.',
    'a> Sounding: {draught} m over the whole length, {n} points below target.',
    'b Then one more pass in the north corner, please.',
  ],
  [
    'a Barge with {n}00 m³ passes the fairway at {time}.',
    'b Traffic is informed, keep east of buoy 9.',
    'a> Will do.',
  ],
  ['a Noise limit at night: contractor asks for {n} dB.', 'b Not before the council answers.'],
] as const

const drill = [
  [
    'a EXERCISE: moorings of {vessel} parting at berth {berth}.',
    'b {tug} on the way, {time}.',
    'a> Good. EXERCISE continues.',
  ],
  ['a EXERCISE: gate north without power.', 'b Generator runs, {n} minutes.', 'a> Noted.'],
] as const

const notices = [
  ['a Pilotage is compulsory above 90 m from tonight on, both fairways.'],
  ['a! Berth 4 closed for deepening until further notice. Plans before version {n} are void.'],
  ['a Bridge watch meeting on Monday at {time}, mess room. One of each group is enough.'],
  ['a New device for somebody? Enrol it yourself, Elin or Tomasz approve it the same day.'],
  ['a Speed in the basin is 5 knots. It was {n} on Tuesday. Please.'],
] as const

const alerts = [
  ['a!! Wind warning: {wind} m/s from north-west expected {time}. Cranes to storm position, double lines.'],
  [
    'a!! Oil film at berth {berth}, source not known. No hot work on quay, skimmer is out.',
    'a! Film is contained, bunker hose of {vessel}. Normal work from {time}.',
  ],
  [
    'a!! Fire alarm warehouse {n}. Assembly point C.',
    'a! False alarm: welding without permit. All clear at {time}.',
  ],
  ['a!! Person in the water at quay {berth}, recovered at {time}, awake. Keep the ambulance lane free.'],
] as const

/** Between two people. */
export const directTalk = [
  ['a Do you have a moment at {time}?', 'b Yes, come up.', 'a> Bringing the plan for berth {berth}.'],
  ['a {vessel} again without pilot card. I write to the agent.', 'b Please do, third time.'],
  ['a Can you take my watch on Friday?', 'b If you take mine on Sunday.', 'a> Deal.'],
  [
    'a The figures for the council: {n}0 calls, {n2} shifted, none late because of us.',
    'b That I like to read.',
  ],
  ['a Is {tug} back from the workshop?', 'b Since {time}.', 'a Perfect.'],
] as const

export type Conversation = readonly string[]

/** By channel. What the weather mast says is made from numbers, see wording.ts. */
export const talk: Readonly<Record<string, readonly Conversation[]>> = {
  traffic,
  pilotage,
  tugs,
  'berth-planning': berths,
  'cranes-and-yard': cranes,
  gate,
  'security-watch': security,
  maintenance,
  'mess-room': mess,
  'quay-4-deepening-works-coordination-with-the-dredging-contractor': dredging,
  'winter-storm-drill': drill,
  'harbour-notices': notices,
  'safety-alerts': alerts,
}
