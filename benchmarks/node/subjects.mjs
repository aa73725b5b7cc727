// The subjects of Node: how each library begins a chart and has it handle an event. Charts are built once.
import * as robot3 from "robot3";
import { assign, createActor, createMachine, initialTransition, transition } from "xstate";
import { messageRows, speechRows } from "./charts.mjs";
import { messageActions, messageGuards, Speech, speechActions, speechGuards } from "./model.mjs";

/** An XState machine; the data is its context's only member. `wrap` makes one action of a row's plain functions. */
function xstateMachine(rows, guards, actions, wrap) {
  const states = {};
  for (const [name, rowsOfState] of Object.entries(rows)) {
    if (rowsOfState.length === 0) {
      states[name] = { type: "final" };
      continue;
    }
    const on = {};
    const always = [];
    for (const [event, target, guard, names] of rowsOfState) {
      const row = {};
      if (target) row.target = target;
      if (guard) row.guard = ({ context, event: fact }) => guards[guard](context.data, fact);
      if (names.length > 0) row.actions = wrap(names.map((action) => actions[action]));
      if (event) (on[event] ??= []).push(row);
      else always.push(row);
    }
    states[name] = always.length > 0 ? { on, always } : { on };
  }
  return createMachine({ context: ({ input }) => input, initial: Object.keys(rows)[0], states });
}

/** Actors: the data is changed by the actions that the actor executes. */
function xstateActor() {
  const wrap = (functions) => functions.map((call) => ({ context, event }) => call(context.data, event));
  const messages = xstateMachine(messageRows, messageGuards, messageActions, wrap);
  const speeches = xstateMachine(speechRows, speechGuards, speechActions, wrap);
  const begin = (machine, data) => createActor(machine, { input: { data } }).start();
  return changing({
    prepares: true,
    beginMessage: (message) => begin(messages, message),
    beginSpeech: (speech) => begin(speeches, speech),
    takeMessage: (message, event) => message.chart.send(event),
    takeSpeech: (speech, event) => speech.chart.send(event),
    stateOf: (actor) => actor.getSnapshot().value,
  });
}

/** Pure: a copy of the data is made for each event, and changed inside `assign`, so that the old snapshot stays. */
function xstatePure() {
  const wrap = (functions) =>
    assign(({ context, event }) => {
      for (const call of functions) call(context.data, event);
      return context;
    });
  const messages = xstateMachine(messageRows, messageGuards, messageActions, wrap);
  const speeches = xstateMachine(speechRows, speechGuards, speechActions, wrap);
  const [newMessage] = initialTransition(messages, { data: null });
  const [newSpeech] = initialTransition(speeches, { data: null });
  const take = (machine, subject, event) => {
    [subject.chart] = transition(machine, { ...subject.chart, context: { data: subject } }, event);
  };
  const library = {
    prepares: false,
    beginMessage: () => newMessage,
    beginSpeech: () => newSpeech,
    takeMessage: (message, event) => take(messages, message, event),
    takeSpeech: (speech, event) => take(speeches, speech, event),
    stateOf: (snapshot) => snapshot.value,
  };
  return {
    build: () => new Speech(library),
    step(speech, event, collected) {
      const next = speech.copy();
      const effects = next.send(event);
      collected?.push(...effects);
      return next;
    },
  };
}

function robot3Machine(rows, guards, actions) {
  const states = {};
  for (const [name, rowsOfState] of Object.entries(rows)) {
    states[name] = robot3.state(
      ...rowsOfState.map(([event, target, guard, names]) => {
        const rest = [
          ...(guard ? [robot3.guard(guards[guard])] : []),
          ...names.map((action) => robot3.action(actions[action])),
        ];
        return event ? robot3.transition(event, target || name, ...rest) : robot3.immediate(target, ...rest);
      }),
    );
  }
  return robot3.createMachine(states, (data) => data);
}

function robot3Service() {
  const messages = robot3Machine(messageRows, messageGuards, messageActions);
  const speeches = robot3Machine(speechRows, speechGuards, speechActions);
  const noOne = () => {};
  return changing({
    prepares: true,
    beginMessage: (message) => robot3.interpret(messages, noOne, message),
    beginSpeech: (speech) => robot3.interpret(speeches, noOne, speech),
    takeMessage: (message, event) => message.chart.send(event),
    takeSpeech: (speech, event) => speech.chart.send(event),
    stateOf: (service) => service.machine.current,
  });
}

/** A subject whose speech changes in place. */
function changing(library) {
  return {
    build: () => new Speech(library),
    step(speech, event, collected) {
      const effects = speech.send(event);
      collected?.push(...effects);
      return speech;
    },
  };
}

export const SUBJECTS = { "xstate-actor": xstateActor, "xstate-pure": xstatePure, robot3: robot3Service };
